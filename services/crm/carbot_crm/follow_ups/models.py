"""What a follow-up is."""

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from carbot_core.fields import Line, Text

TIMER: Final = "follow_up"
FIRST_CONTACT: Final = "Erstkontakt"
FIRST_CONTACT_WITHIN: Final = timedelta(hours=24)

FollowUpKind = Literal["call", "mail", "visit", "other"]
FollowUpStatus = Literal["open", "done", "cancelled"]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class NewFollowUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be done; without `assigned_to` by whoever has the lead."""

    title: Line
    kind: FollowUpKind = "call"
    note: Text | None = None
    due_at: Instant
    assigned_to: UUID | None = None


class FollowUpEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be different; what is left out stays. Another `due_at` is announced again."""

    title: Line | UnsetType = UNSET
    kind: FollowUpKind | UnsetType = UNSET
    note: Text | UnsetType | None = UNSET
    due_at: Instant | UnsetType = UNSET
    assigned_to: UUID | UnsetType | None = UNSET


class FollowUp(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be done for a lead; it is cancelled when the lead is closed."""

    id: UUID
    lead_id: UUID
    workshop_id: UUID
    title: str
    kind: FollowUpKind
    note: str | None
    due_at: datetime
    assigned_to: UUID | None
    status: FollowUpStatus
    done_at: datetime | None
    created_at: datetime
    updated_at: datetime
    revision: int


class FollowUpPosition(msgspec.Struct, frozen=True):
    """After which follow-up a page goes on."""

    due_at: datetime
    id: UUID


class Reminded(msgspec.Struct, frozen=True):
    """A follow-up that is to be announced now."""

    id: UUID
    lead_id: UUID
    workshop_id: UUID
    revision: int
