"""Outgoing webhooks: an organisation's own systems hear of what happens, signed, retried and logged."""
