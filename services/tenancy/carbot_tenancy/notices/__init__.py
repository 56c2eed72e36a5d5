"""What the owners of an organisation are told of by mail."""
