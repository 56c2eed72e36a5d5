"""One search over customers, leads and vehicles."""
