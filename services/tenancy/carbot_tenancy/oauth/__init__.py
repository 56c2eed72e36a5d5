"""Access tokens for API keys (OAuth 2.0)."""
