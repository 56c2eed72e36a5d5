"""Demo data, made as users would make it: through the gateway, with the links from their mails."""
