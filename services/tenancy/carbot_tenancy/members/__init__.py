"""Members: users in an organisation."""
