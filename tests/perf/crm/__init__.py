"""crm at volume: a seeded town of workshops, and the routes that people wait for."""
