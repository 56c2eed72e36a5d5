"""CarBot billing."""
