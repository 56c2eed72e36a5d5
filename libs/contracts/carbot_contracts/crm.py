"""Events of crm: leads, customers, vehicles, consents and conversations, by id and figures, never by name or word."""

from datetime import date
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from carbot_contracts.event import Event, Instant, Personal

LeadStatus = Literal["new", "contacted", "qualified", "converted", "lost", "spam"]
ConsentState = Literal["granted", "confirmed", "withdrawn", "objected"]
ConsentSource = Literal["written", "online", "oral", "link"]
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


class LeadConverted(Event, frozen=True, kw_only=True):
    """The lead has become a customer."""

    subject: ClassVar = "crm.lead.converted.v1"
    aggregate: ClassVar = "lead_id"

    lead_id: UUID
    workshop_id: UUID
    customer_id: UUID
    vehicle_id: UUID | None = None


class LeadDeleted(Event, frozen=True, kw_only=True):
    """The lead was deleted, with everything that was noted of it."""

    subject: ClassVar = "crm.lead.deleted.v1"
    aggregate: ClassVar = "lead_id"

    lead_id: UUID
    workshop_id: UUID


class FollowUpDue(Event, frozen=True, kw_only=True):
    """It is time to come back to a lead."""

    subject: ClassVar = "crm.follow_up.due.v1"
    aggregate: ClassVar = "task_id"

    task_id: UUID
    lead_id: UUID
    workshop_id: UUID


class CustomerCreated(Event, frozen=True, kw_only=True):
    """A workshop has taken up a customer."""

    subject: ClassVar = "crm.customer.created.v1"
    aggregate: ClassVar = "customer_id"

    customer_id: UUID
    workshop_id: UUID | None


class CustomerChanged(Event, frozen=True, kw_only=True):
    """The customer is now so; one who was merged is asked about under another id."""

    subject: ClassVar = "crm.customer.changed.v1"
    aggregate: ClassVar = "customer_id"

    customer_id: UUID
    workshop_id: UUID | None
    kind: Literal["person", "company"]
    language: str
    merged_into: UUID | None = None
    is_restricted: bool = False


class VehicleChanged(Event, frozen=True, kw_only=True):
    """The vehicle is now so; customer_id is its present owner."""

    subject: ClassVar = "crm.vehicle.changed.v1"
    aggregate: ClassVar = "vehicle_id"

    vehicle_id: UUID
    workshop_id: UUID | None
    customer_id: UUID | None
    vehicle_class: str
    is_active: bool


class VehicleDue(Event, frozen=True, kw_only=True):
    """Something falls due on a vehicle soon; told once per vehicle and period."""

    subject: ClassVar = "crm.vehicle.due.v1"
    aggregate: ClassVar = "vehicle_id"

    vehicle_id: UUID
    workshop_id: UUID | None
    customer_id: UUID | None
    kind: str
    """hu, au, service, tyre_change or own."""
    due_on: date


class ConsentChanged(Event, frozen=True, kw_only=True):
    """A customer said yes or no to advertising; versions are counted by customer. An objection is to all purposes."""

    subject: ClassVar = "crm.consent.changed.v1"
    aggregate: ClassVar = "customer_id"

    customer_id: UUID
    record_id: UUID
    """The proof."""
    channel: str
    purpose: str
    state: ConsentState
    source: ConsentSource
    text_version: Annotated[str | None, Personal] = None
    """Which text was shown: a word that staff write."""
    address_hash: Annotated[str | None, Personal] = None
    """A keyed hash of the address, in hexadecimal."""
    occurred_at: Instant


class WebhookDisabled(Event, frozen=True, kw_only=True):
    """A webhook has failed for a day and is called no more: its organisation should hear of it."""

    subject: ClassVar = "crm.webhook.disabled.v1"
    aggregate: ClassVar = "webhook_id"

    webhook_id: UUID


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


EVENTS: tuple[type[Event], ...] = (
    LeadCreated,
    LeadChanged,
    LeadConverted,
    LeadDeleted,
    FollowUpDue,
    CustomerCreated,
    CustomerChanged,
    VehicleChanged,
    VehicleDue,
    ConsentChanged,
    WebhookDisabled,
    ChatSessionChanged,
    ChatMessageAdded,
)
