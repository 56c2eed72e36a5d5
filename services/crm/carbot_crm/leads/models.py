"""What a lead is, on the wire and in its row."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from carbot_contracts.crm import LeadStatus
from carbot_core.fields import Email, HttpAddress, Line, Phone, Text
from carbot_crm.lead_scoring.models import Classification, UrgencyClass
from carbot_crm.vehicles.models import PlateText, Vin

Source = Literal["website", "widget", "phone", "email", "walk_in", "referral", "import"]
Language = Literal["de", "en", "tr", "pl"]
InteractionKind = Literal[
    "call", "note", "mail", "form", "contact", "qualification", "loss", "reopening", "assignment", "spam", "conversion"
]
Priority = Annotated[int, msgspec.Meta(ge=0, le=100, description="0 to 100, 100 is most urgent")]
Cents = Annotated[int, msgspec.Meta(ge=0, le=10**10, description="Euro cents")]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Consent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the guest agreed to, and which text was shown."""

    data_processing: bool
    communication: bool
    text_version: Annotated[str, msgspec.Meta(min_length=1, max_length=20, pattern=r"^[0-9A-Za-z._-]+$(?!\n)")]


class NewGuestLead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a guest sends from a form."""

    name: Line
    phone: Phone
    email: Email | None = None
    request: Text
    vehicle: Line | None = None
    language: Language = "de"
    source_url: HttpAddress | None = None
    consent: Consent


class NewLead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What staff note of somebody who called, wrote or came by; a phone or an e-mail is needed."""

    workshop_id: UUID
    source: Source
    name: Line
    phone: Phone | None = None
    email: Email | None = None
    request: Text
    vehicle: Line | None = None
    language: Language = "de"


class LeadEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be different; what is left out stays."""

    name: Line | UnsetType = UNSET
    phone: Phone | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    request: Text | UnsetType = UNSET
    vehicle: Line | UnsetType | None = UNSET
    priority: Priority | UnsetType = UNSET
    estimated_value: Cents | UnsetType | None = UNSET
    next_follow_up_at: Instant | UnsetType | None = UNSET


class Lead(msgspec.Struct, frozen=True, kw_only=True):
    """A lead as its workshop sees it."""

    id: UUID
    workshop_id: UUID
    source: Source
    name: str
    phone: str | None
    email: str | None
    request: str
    vehicle: str | None
    language: Language
    source_url: str | None
    status: LeadStatus
    priority: int
    estimated_value: int | None
    assigned_to: UUID | None
    next_follow_up_at: datetime | None
    lost_reason: str | None
    lead_score: int
    """0 to 100; GET /leads/{id}/scores says why. It sorts, and refuses nobody."""
    classification: Classification
    urgency_class: UrgencyClass
    first_response_at: datetime | None
    converted_at: datetime | None
    customer_id: UUID | None
    vehicle_id: UUID | None
    created_at: datetime
    updated_at: datetime
    revision: int


class LeadPosition(msgspec.Struct, frozen=True):
    """After which lead a page goes on."""

    created_at: datetime
    id: UUID


class HotPosition(msgspec.Struct, frozen=True):
    """After which hot lead a page goes on."""

    lead_score: int
    created_at: datetime
    id: UUID


class TakenLead(msgspec.Struct, frozen=True):
    """What a guest gets back."""

    id: UUID


class Assignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    user_id: UUID


class Contact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    note: Text | None = None


class Qualification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    note: Text | None = None


class Loss(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: Line


class Reopening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    note: Text | None = None


class Spam(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    note: Text | None = None


class Conversion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whose the lead was: a known customer, else one is made of the lead's name and contact; and a vehicle, known or new."""

    customer_id: UUID | None = None
    company: Line | None = None
    vehicle_id: UUID | None = None
    plate: PlateText | None = None
    vin: Vin | None = None
    make: Line | None = None
    model: Line | None = None


class NewInteraction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What staff did for the lead."""

    kind: Literal["call", "note", "mail"]
    text: Text


class Interaction(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened with a lead; author_id is null for the guest."""

    id: UUID
    lead_id: UUID
    kind: InteractionKind
    author_id: UUID | None
    text: str | None
    created_at: datetime
