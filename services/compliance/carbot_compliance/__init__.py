"""CarBot compliance."""
