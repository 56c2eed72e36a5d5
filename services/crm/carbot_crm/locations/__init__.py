"""Locations of workshops, as tenancy announces them: address, telephone, opening hours."""
