"""What was acknowledged: the storm may change nothing of it."""

from collections import Counter
from uuid import UUID

import msgspec


class Lead(msgspec.Struct):
    """A lead as its writer last saw it; nobody else changes it."""

    id: UUID
    marker: str
    """What its request says: whoever else has it is a second effect of the same command."""
    revision: int
    value: int | None = None


class Workshop(msgspec.Struct):
    """A workshop as its writer last saw it; nobody else changes it."""

    id: UUID
    slug: str
    revision: int
    name: str


class Ledger:
    """What clients were told, and what they met on the way."""

    def __init__(self) -> None:
        self.leads: list[Lead] = []
        self.workshops: list[Workshop] = []
        self.markers: list[str] = []
        """One for each command that leaves an interaction with this text."""
        self.locations: list[str] = []
        self.groups: Counter[str] = Counter()
        """How many idempotency keys were used, by service."""
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.faults: list[str] = []
        """What no client should ever have met."""
