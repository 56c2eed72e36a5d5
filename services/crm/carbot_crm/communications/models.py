"""Messages and other touchpoints."""

from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from carbot_contracts.event import Instant
from carbot_core.fields import Line, Text
from carbot_crm.send_gate.models import Channel, Condition, Ground, Language, Purpose

TIMER: Final = "communication"

TouchpointChannel = Literal["email", "sms", "whatsapp", "phone", "letter", "in_person"]
Direction = Literal["inbound", "outbound"]
Status = Literal["scheduled", "sending", "sent", "refused", "bounced", "failed", "cancelled", "recorded"]
"""Refused: by the send gate. Bounced: there is no such mailbox. Recorded: noted by staff, sent by nobody."""


class NewCommunication(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to write to a customer: subject and body, or what is published as a template for the purpose."""

    purpose: Purpose
    channel: Channel = "email"
    subject: Line | None = None
    body: Text | None = None
    send_at: Instant | None = None
    """When, if not at once; at most a year ahead."""


class NewTouchpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A call, a letter, a visit, or a message that went another way."""

    channel: TouchpointChannel
    direction: Direction
    subject: Line | None = None
    body: Text


class Communication(msgspec.Struct, frozen=True, kw_only=True):
    """A touchpoint; of a message also what the send gate said when it was last asked, and how far it came."""

    id: UUID
    workshop_id: UUID | None
    customer_id: UUID | None
    vehicle_id: UUID | None
    template_version_id: UUID | None
    channel: TouchpointChannel
    direction: Direction
    purpose: Purpose | None
    recipient: str | None
    language: Language | None
    subject: str | None
    body: str
    status: Status
    due_at: datetime
    verdict: Literal["allow", "refuse"] | None
    ground: Ground | None
    norm: str | None
    unmet: list[Condition]
    decided_at: datetime | None
    attempts: int
    failure: str | None
    sent_at: datetime | None
    author_id: UUID | None
    created_at: datetime
    updated_at: datetime
    revision: int


class CommunicationPosition(msgspec.Struct, frozen=True):
    """After which touchpoint a page goes on."""

    created_at: datetime
    id: UUID


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a message says, and about what."""

    purpose: Purpose
    channel: Channel
    language: Language
    subject: str
    body: str
    template_version_id: UUID | None = None
    vehicle_id: UUID | None = None
    about_day: date | None = None


class QueuedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is due."""

    id: UUID
    customer_id: UUID | None
    purpose: Purpose
    channel: Channel
    language: Language
    subject: str
    body: str


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message that the gate lets pass, to whom, and in whose name."""

    message: QueuedMessage
    to: str
    sender: str
    is_advertising: bool


class VehicleWords(msgspec.Struct, frozen=True):
    """How a vehicle is called."""

    plate: str | None
    make: str | None
    model: str | None


class SentTo(msgspec.Struct, frozen=True):
    """Whom a message went to."""

    customer_id: UUID | None
    channel: Channel
    recipient: str
    organization_name: str


class Unsubscription(msgspec.Struct, frozen=True):
    """Whether an address gets advertising of a sender no more."""

    sender: str
    channel: Channel
    is_unsubscribed: bool
