"""Canned answers: what staff write again and again."""
