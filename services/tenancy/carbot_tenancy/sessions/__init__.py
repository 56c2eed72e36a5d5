"""Sessions: families of refresh tokens."""
