"""Registrations: organisations whose owner has not yet proved the e-mail address."""
