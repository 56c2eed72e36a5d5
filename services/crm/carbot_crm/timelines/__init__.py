"""What happened with a customer and with a vehicle, in one list."""
