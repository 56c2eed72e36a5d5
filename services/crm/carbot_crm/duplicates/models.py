"""What is compared of two customers, and what comes of it."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec

Reason = Literal["email", "phone", "vin", "plate", "name", "similar_name", "address", "postal_code"]
Score = Annotated[int, msgspec.Meta(ge=0, le=100, description="100 is certain; from 75 on it is likely")]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared of a customer; texts are folded (crm.fold), so that Müller and Mueller are one."""

    id: UUID
    kind: str
    first_name: str
    last_name: str
    company: str
    email: str | None
    phone: str | None
    street: str
    postal_code: str | None
    vins: list[str]
    plates: list[str]


class Likeness(msgspec.Struct, frozen=True):
    """How alike two customers are, and by what."""

    score: Score
    reasons: list[Reason]


class Duplicate(msgspec.Struct, frozen=True, kw_only=True):
    """A customer who may be the same as the one asked about."""

    customer_id: UUID
    name: str
    score: Score
    reasons: list[Reason]


class Duplicates(msgspec.Struct, frozen=True):
    """Who may be the same, the most alike first."""

    items: list[Duplicate]


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two customers who may be one."""

    first_id: UUID
    first_name: str
    second_id: UUID
    second_name: str
    score: Score
    reasons: list[Reason]


class PairPosition(msgspec.Struct, frozen=True):
    """After which pair a page goes on."""

    score: int
    first_id: UUID
    second_id: UUID


class Dismissal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two customers who are not the same, although they look so."""

    first_id: UUID
    second_id: UUID
