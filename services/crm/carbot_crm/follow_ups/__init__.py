"""Follow-ups: what is to be done for a lead, and when."""
