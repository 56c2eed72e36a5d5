"""Plans: what can be subscribed to, and for how much."""
