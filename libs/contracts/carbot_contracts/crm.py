"""Events of crm: leads and conversations, by id and figures, never by name or word."""

from typing import ClassVar, Literal
from uuid import UUID

from carbot_contracts.event import Event, Instant

LeadStatus = Literal["new", "contacted", "qualified", "converted", "lost", "spam"]
ChatStatus = Literal["open", "handed_over", "closed"]
ChatAuthor = Literal["visitor", "bot", "staff"]


class LeadCreated(Event, frozen=True, kw_only=True):
    """Somebody asked a workshop for something."""

    subject: ClassVar = "crm.lead.created.v1"
    aggregate: ClassVar = "lead_id"

    lead_id: UUID
    workshop_id: UUID
    source: str
    created_at: Instant


class LeadChanged(Event, frozen=True, kw_only=True):
    """The lead is now so."""

    subject: ClassVar = "crm.lead.changed.v1"
    aggregate: ClassVar = "lead_id"

    lead_id: UUID
    workshop_id: UUID
    source: str
    status: LeadStatus
    assigned_to: UUID | None = None
    created_at: Instant


class ChatSessionChanged(Event, frozen=True, kw_only=True):
    """The conversation is now so (also when it is new)."""

    subject: ClassVar = "crm.chat.session_changed.v1"
    aggregate: ClassVar = "session_id"

    session_id: UUID
    workshop_id: UUID
    language: str
    status: ChatStatus
    assigned_to: UUID | None = None
    lead_id: UUID | None = None
    created_at: Instant


class ChatMessageAdded(Event, frozen=True, kw_only=True):
    """Somebody wrote in a conversation; what, only crm knows."""

    subject: ClassVar = "crm.chat.message_added.v1"
    aggregate: ClassVar = "session_id"

    session_id: UUID
    workshop_id: UUID
    message_id: UUID
    author: ChatAuthor
    created_at: Instant


EVENTS: tuple[type[Event], ...] = (LeadCreated, LeadChanged, ChatSessionChanged, ChatMessageAdded)
