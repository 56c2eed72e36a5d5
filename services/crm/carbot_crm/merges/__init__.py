"""Joining two customers who are one, and taking it back."""
