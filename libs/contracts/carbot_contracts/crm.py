"""Events of crm: leads, by id and figures, never by name."""

from typing import ClassVar, Literal
from uuid import UUID

from carbot_contracts.event import Event, Instant

LeadStatus = Literal["new", "contacted", "qualified", "converted", "lost", "spam"]


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


EVENTS: tuple[type[Event], ...] = (LeadCreated, LeadChanged)
