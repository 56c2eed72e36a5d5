"""Landing pages: what a workshop's public page says."""
