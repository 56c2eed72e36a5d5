"""What a timeline consists of."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

EntryKind = Literal["lead", "chat", "communication", "work", "ownership"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened: what it was by its id, never what was said."""

    kind: EntryKind
    id: UUID
    happened_at: datetime
    """Of works and changes of hands, which have but a day: its beginning in UTC."""
    what: str
    """A lead's source, a channel, the kind of work; of an ownership: began."""
    status: str | None


class EntryPosition(msgspec.Struct, frozen=True):
    """After which entry a page goes on."""

    happened_at: datetime
    id: UUID
