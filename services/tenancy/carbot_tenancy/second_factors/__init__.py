"""The second factor: an authenticator that shows time-based one-time passwords, and recovery codes for whoever lost it."""
