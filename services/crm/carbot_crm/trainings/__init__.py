"""Training a scoring model from the leads that were won and lost."""
