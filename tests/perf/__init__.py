"""`make bench`: what CarBot does in a second on this machine, beside what the database alone does."""
