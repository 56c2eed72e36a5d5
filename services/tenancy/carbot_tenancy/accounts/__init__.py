"""People's own accounts: profile, password, e-mail address."""
