"""Who asks: access tokens, the keys that prove them, what was revoked, and the scopes that routes name."""
