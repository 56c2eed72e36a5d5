"""Vehicles, their owners in time, and how far they have gone."""
