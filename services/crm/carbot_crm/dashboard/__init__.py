"""The lead dashboard."""
