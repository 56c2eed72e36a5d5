"""Customers: the persons and companies whose vehicles a workshop looks after."""
