"""What every CarBot service needs and no domain word."""
