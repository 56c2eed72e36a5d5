"""People, in all organisations."""
