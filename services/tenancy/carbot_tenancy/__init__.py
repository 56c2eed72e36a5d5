"""CarBot tenancy."""
