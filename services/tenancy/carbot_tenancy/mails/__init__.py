"""Mails to staff."""
