"""A process dies at each of its awaits, one after the other; another takes over; nothing may be lost, halved or doubled."""
