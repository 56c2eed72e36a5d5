"""What the services report, what is stored of it, and how it is shown."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

Action = Literal["insert", "update", "delete"]
ActorKind = Literal["user", "api_key", "guest", "system"]
Row = dict[str, msgspec.Raw]
"""The columns of a row, each as the JSON text that PostgreSQL made: numbers keep every digit."""


class RowChange(msgspec.Struct, frozen=True, kw_only=True):
    """A row before and after; the subject is the person whom it is about."""

    row_id: UUID | None
    subject_id: UUID | None = None
    old: Row = {}
    new: Row = {}


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What core.record_changes() says of one statement: at most 100 rows of one table."""

    table: str
    action: Action
    actor: str | None = None
    request_id: UUID | None = None
    trace_id: str | None = None
    occurred_at: datetime
    personal: frozenset[str] = frozenset()
    changes: tuple[RowChange, ...]


class Actor(msgspec.Struct, frozen=True):
    """Who did it; a guest is named by the publishable key, the system by nothing."""

    kind: ActorKind
    id: UUID | None = None


class SealedValue(msgspec.Struct, frozen=True):
    """A personal value: nonce and ciphertext under a subject's key, nothing if the key was destroyed before the value came."""

    key: UUID
    sealed: bytes | None


class StoredChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column before and after; a personal one holds SealedValues or null."""

    old: msgspec.Raw | UnsetType = UNSET
    new: msgspec.Raw | UnsetType = UNSET
    personal: bool = False


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it is stored and proved. Its bytes are the record: compact JSON, keys sorted; they are never written again."""

    format: Literal[1] = 1
    organization_id: UUID
    id: UUID
    occurred_at: datetime
    actor: Actor
    acting_for: UUID | None = None
    action: Action
    table: str
    row_id: UUID | None
    request_id: UUID | None
    trace_id: str | None
    changes: dict[str, StoredChange]


class StoredEntry(msgspec.Struct, frozen=True):
    """A row of the log: the stored bytes and their leaf hash."""

    content: bytes
    leaf_hash: bytes


class NewEntry(msgspec.Struct, frozen=True):
    """An entry to be stored: its bytes, and what they are found by."""

    content: Content
    stored: StoredEntry


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are wanted; None for any. Until is exclusive."""

    table: str | None = None
    row_id: UUID | None = None
    actor_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


class Position(msgspec.Struct, frozen=True):
    """After which entry a page goes on."""

    occurred_at: datetime
    id: UUID


class Span(msgspec.Struct, frozen=True):
    """Entries from a time on, and before a position: always both, so that an index can be entered at either end."""

    since: datetime
    before: Position


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column before (not of an insert) and after (not of a delete); null and erased where the key was destroyed."""

    old: Any = UNSET
    new: Any = UNSET
    erased: bool = False


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a row; leaf_hash is SHA-256 in hexadecimal, of a zero byte and the stored bytes."""

    id: UUID
    occurred_at: datetime
    actor: Actor
    action: Action
    table: str
    row_id: UUID | None
    changes: dict[str, Change]
    request_id: UUID | None
    trace_id: str | None
    leaf_hash: str
