"""Leads: people who asked a workshop for something, until they are customers or lost."""
