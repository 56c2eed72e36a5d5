"""Events of tenancy: organisations, workshops, memberships and keys, each with its whole state."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

import msgspec

from carbot_contracts.event import Event, Instant, Personal

OrganizationStatus = Literal["trial", "active", "past_due", "suspended", "closing", "erased"]
Role = Literal[
    "owner",
    "admin",
    "manager",
    "service_advisor",
    "technician",
    "accountant",
    "data_protection_officer",
    "viewer",
]


OfFirm = Annotated[str, Personal]
"""What a firm says of itself to everybody; a sole trader's name and address are a person's all the same (GDPR, Art. 4(1))."""


class OrganizationState(Event, frozen=True, kw_only=True):
    """The whole projected state of an organisation."""

    aggregate: ClassVar = "organization_id"

    organization_id: UUID
    slug: OfFirm
    legal_name: OfFirm
    legal_form: str
    register_court: OfFirm | None = None
    register_number: OfFirm | None = None
    """For example HRB 12345 B."""
    vat_id: str | None = None
    """For example DE136695976."""
    country: str
    locale: str
    time_zone: str
    status: OrganizationStatus
    registered_at: Instant


class OrganizationRegistered(OrganizationState, frozen=True, kw_only=True):
    """An owner proved the e-mail address: the organisation exists, and its trial begins."""

    subject: ClassVar = "tenancy.organization.registered.v1"


class OrganizationChanged(OrganizationState, frozen=True, kw_only=True):
    """The organisation is now so."""

    subject: ClassVar = "tenancy.organization.changed.v1"


class WorkshopChanged(Event, frozen=True, kw_only=True):
    """The workshop is now so (also when it is new)."""

    subject: ClassVar = "tenancy.workshop.changed.v1"
    aggregate: ClassVar = "workshop_id"

    workshop_id: UUID
    name: OfFirm
    slug: OfFirm
    time_zone: str
    postal_code: str
    federal_state: str | None = None
    is_active: bool


class OpeningHours(msgspec.Struct, frozen=True, kw_only=True):
    """When a location is open on a weekday (1 is Monday), in its workshop's local time; 24:00 is the day's end."""

    weekday: int
    opens: str
    closes: str


class LocationChanged(Event, frozen=True, kw_only=True):
    """The location of a workshop is now so (also when it is new)."""

    subject: ClassVar = "tenancy.location.changed.v1"
    aggregate: ClassVar = "location_id"

    location_id: UUID
    workshop_id: UUID
    name: OfFirm
    address: OfFirm
    postal_code: str
    city: OfFirm
    federal_state: str
    latitude: float | None = None
    longitude: float | None = None
    phone: OfFirm | None = None
    opening_hours: tuple[OpeningHours, ...] = ()
    is_primary: bool
    is_active: bool


class MembershipChanged(Event, frozen=True, kw_only=True):
    """A user's membership is now so: role, workshops (none means all) and whether it stands."""

    subject: ClassVar = "tenancy.membership.changed.v1"
    aggregate: ClassVar = "membership_id"

    membership_id: UUID
    user_id: UUID
    role: Role
    workshop_ids: tuple[UUID, ...] | None = None
    is_active: bool


class ApiKeyChanged(Event, frozen=True, kw_only=True):
    """An API key is now so. The hash is of 256 random bits: knowing it opens nothing."""

    subject: ClassVar = "tenancy.api_key.changed.v1"
    aggregate: ClassVar = "api_key_id"

    api_key_id: UUID
    kind: Literal["secret", "publishable"]
    workshop_id: UUID | None = None
    secret_hash: str
    allowed_origins: tuple[str, ...] = ()
    expires_at: Instant | None = None
    revoked_at: Instant | None = None


class AccessRevoked(Event, frozen=True, kw_only=True):
    """Access tokens of this session, member, key or organisation that were issued before now count no more."""

    subject: ClassVar = "tenancy.access.revoked.v1"
    aggregate: ClassVar = "subject_id"

    kind: Literal["session", "member", "api_key", "organization"]
    subject_id: UUID
    """The session, the user, the key or the organisation."""
    not_before: Instant
    reason: str = msgspec.field(default="")


EVENTS: tuple[type[Event], ...] = (
    OrganizationRegistered,
    OrganizationChanged,
    WorkshopChanged,
    LocationChanged,
    MembershipChanged,
    ApiKeyChanged,
    AccessRevoked,
)
