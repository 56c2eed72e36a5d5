"""The inbox: conversations as a workshop's staff have them."""
