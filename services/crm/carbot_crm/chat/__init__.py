"""Chat, as the visitor of a workshop's page has it: a conversation, opened with consent, and its messages."""
