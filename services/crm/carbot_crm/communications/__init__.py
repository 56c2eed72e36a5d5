"""Communications: every touchpoint with a customer, and the one outbox of what is sent to them."""
