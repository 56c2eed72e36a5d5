"""Templates: wordings of messages by purpose, channel and language, in versions that never change."""
