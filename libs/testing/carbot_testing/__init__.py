"""What CarBot's tests stand on: real servers, real roles, real services."""
