"""Every process is stopped and started again under load."""
