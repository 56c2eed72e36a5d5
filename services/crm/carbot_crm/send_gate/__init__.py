"""The send gate: whether a message may be sent to a customer, on which ground, and by which norm."""
