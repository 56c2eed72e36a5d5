"""What falls due on a vehicle, by law and by the workshop's own rules, and the work that moves it on."""
