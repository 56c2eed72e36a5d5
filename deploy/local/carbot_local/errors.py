"""The one error of this package."""


class StackError(Exception):
    """Something the person at the terminal has to know, in one clear line."""
