"""What CarBot's services say to each other: every event and every scope, and nothing that does anything."""
