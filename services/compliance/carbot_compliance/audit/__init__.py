"""The audit log: who changed which row of which service, when, from what to what; append-only."""
