"""Locations: the sites of a workshop."""
