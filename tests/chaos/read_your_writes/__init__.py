"""Who wrote reads what it wrote, whatever the replica is at."""
