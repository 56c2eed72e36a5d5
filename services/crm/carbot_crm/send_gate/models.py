"""What the gate is asked, and what it answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, get_args
from uuid import UUID

import msgspec

from carbot_contracts.crm import ConsentSource, ConsentState
from carbot_contracts.tenancy import OrganizationStatus

Channel = Literal["email", "sms", "whatsapp"]
ServicePurpose = Literal["appointment", "vehicle_ready", "answer"]
AdvertisingPurpose = Literal["hu_reminder", "service_reminder", "tyre_reminder", "review_request", "newsletter"]
"""A reminder of what is due is meant to sell it, a request for a review to win others (BGH VI ZR 225/17): both advertise."""
Purpose = Literal[
    "appointment",
    "vehicle_ready",
    "answer",
    "hu_reminder",
    "service_reminder",
    "tyre_reminder",
    "review_request",
    "newsletter",
]
Language = Literal["de", "en", "tr", "pl"]
Goods = Literal["maintenance", "inspection", "repair", "tyres", "parts", "vehicle"]
Condition = Literal["sale", "similar_goods", "notice_at_collection", "notice_in_message"]
"""Of the existing-customer rule, beside that nobody objected."""

ADVERTISING: Final = frozenset(get_args(AdvertisingPurpose))

SIMILAR: Final[Mapping[Purpose, frozenset[Goods]]] = {
    "hu_reminder": frozenset({"maintenance", "inspection", "repair"}),
    "service_reminder": frozenset({"maintenance", "inspection", "repair"}),
    "tyre_reminder": frozenset({"maintenance", "repair", "tyres"}),
    "review_request": frozenset(get_args(Goods)),
    "newsletter": frozenset(),
}
"""What must have been sold for the purpose to advertise similar goods (section 7(3) no. 2 UWG); a newsletter may speak of anything."""

Ground = Literal[
    "service_message",
    "consent",
    "existing_customer",
    "customer_gone",
    "customer_restricted",
    "organization_not_active",
    "address_missing",
    "address_undeliverable",
    "objection",
    "consent_withdrawn",
    "consent_not_confirmed",
    "consent_for_another_address",
    "consent_missing",
    "channel_not_configured",
]


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer last said of a purpose on a channel."""

    state: ConsentState
    source: ConsentSource
    is_of_address: bool
    """Whether it was said of the address that is to be written to."""
    occurred_at: datetime


class Sale(msgspec.Struct, frozen=True, kw_only=True):
    """With what the address was obtained, and whether it was said then that its use can be objected to."""

    goods: Goods
    was_noticed: bool


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What counts for one message at the moment when it is due."""

    channel: Channel
    purpose: Purpose
    is_active: bool = True
    """Whether the organisation may still act."""
    is_restricted: bool = False
    has_address: bool = True
    has_bounced: bool = False
    objected_at: datetime | None = None
    consent: Consent | None = None
    sales: tuple[Sale, ...] = ()
    gives_notice: bool = True
    """Whether the message itself says how to object."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the message may go, why, and by which norm; `unmet` is what the existing-customer rule lacked."""

    is_allowed: bool
    ground: Ground
    norm: str | None = None
    unmet: tuple[Condition, ...] = ()


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """A customer who is to be written to, and in whose name."""

    id: UUID
    first_name: str | None
    last_name: str | None
    company: str | None
    email: str | None
    phone: str | None
    language: Language
    is_restricted: bool
    workshop_name: str | None
    organization_name: str
    organization_status: OrganizationStatus

    def address(self, channel: Channel) -> str | None:
        return self.email if channel == "email" else self.phone


class AddressRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a customer's address and of what was said of a purpose."""

    has_bounced: bool
    suppressed_at: datetime | None
    """When the address objected, through whichever customer."""
    objected_at: datetime | None
    """When the person did, of whichever address."""
    state: ConsentState | None
    source: ConsentSource | None
    is_of_address: bool | None
    occurred_at: datetime | None
    noticed: tuple[Goods, ...]
    unnoticed: tuple[Goods, ...]

    def consent(self) -> Consent | None:
        if self.state is None or self.source is None or self.occurred_at is None:
            return None
        return Consent(
            state=self.state, source=self.source, is_of_address=self.is_of_address is True, occurred_at=self.occurred_at
        )
