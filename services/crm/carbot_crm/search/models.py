"""What is searched for and found."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec

Kind = Literal["customer", "lead", "vehicle"]


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """Something that fits; the score is 1 where the words stand in it as they were typed, less where they only resemble it."""

    kind: Kind
    id: UUID
    title: str
    subtitle: str | None
    score: Annotated[float, msgspec.Meta(ge=0, le=1)]


class Hits(msgspec.Struct, frozen=True):
    """What fits, best first."""

    items: list[Hit]


class Terms(msgspec.Struct, frozen=True):
    """Up to three words that must all fit, and a plate or part of a number that they may be together."""

    words: tuple[str, str | None, str | None]
    compact: str
