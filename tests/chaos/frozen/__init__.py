"""Servers that stand still for a while, with everybody connected to them."""
