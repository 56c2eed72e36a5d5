"""What joining two customers leaves behind."""

from datetime import datetime
from uuid import UUID

import msgspec


class NewMerge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who goes on under the other's name."""

    merged_id: UUID


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that changed hands, by table."""

    vehicle_ownerships: list[UUID]
    leads: list[UUID] = []
    chat_sessions: list[UUID] = []
    customer_communications: list[UUID] = []


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to take it back: what the survivor was given, and what changed hands."""

    filled: dict[str, str]
    moved: Moved


class Merge(msgspec.Struct, frozen=True, kw_only=True):
    """Two customers who were joined; until undo_until it can be taken back."""

    id: UUID
    survivor_id: UUID
    merged_id: UUID
    merged_by: UUID | None
    created_at: datetime
    undone_at: datetime | None
    undo_until: datetime
    revision: int


class StoredMerge(Merge, frozen=True, kw_only=True):
    """A merge with what is needed to take it back."""

    snapshot: Snapshot


class MergePosition(msgspec.Struct, frozen=True):
    """After which merge a page goes on."""

    created_at: datetime
    id: UUID
