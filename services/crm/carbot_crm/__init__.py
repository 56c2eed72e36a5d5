"""CarBot crm."""
