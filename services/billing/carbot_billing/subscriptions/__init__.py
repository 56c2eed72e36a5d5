"""Subscriptions: which plan an organisation has, and whether it pays for it."""
