"""Fifty organisations share two server connections; requests are broken off and backends killed; nobody sees a foreign row."""
