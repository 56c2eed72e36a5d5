"""Workshops."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from carbot_core.fields import HttpAddress, Line, Phone
from carbot_tenancy.federal_states import FederalState
from carbot_tenancy.fields import EmailInput, Slug, TimeZone

BusinessType = Literal["independent", "chain", "dealership", "specialty"]
PostalCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{5}$(?!\n)", description="Five digits")]
MunicipalityKey = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9]{8}$(?!\n)", description="Amtlicher Gemeindeschlüssel: eight digits", examples=["11000000"]
    ),
]
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90, description="Degrees north (WGS 84)")]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180, description="Degrees east (WGS 84)")]


class NewWorkshop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new workshop; latitude and longitude come together."""

    name: Line
    slug: Slug
    business_type: BusinessType
    address: Line
    postal_code: PostalCode
    city: Line
    municipality_key: MunicipalityKey | None = None
    country: Literal["DEU"] = "DEU"
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    phone: Phone | None = None
    email: EmailInput | None = None
    website: HttpAddress | None = None
    time_zone: TimeZone = "Europe/Berlin"


class WorkshopEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be different; what is left out stays, null empties."""

    name: Line | UnsetType = UNSET
    slug: Slug | UnsetType = UNSET
    business_type: BusinessType | UnsetType = UNSET
    address: Line | UnsetType = UNSET
    postal_code: PostalCode | UnsetType = UNSET
    city: Line | UnsetType = UNSET
    municipality_key: MunicipalityKey | UnsetType | None = UNSET
    latitude: Latitude | UnsetType | None = UNSET
    longitude: Longitude | UnsetType | None = UNSET
    phone: Phone | UnsetType | None = UNSET
    email: EmailInput | UnsetType | None = UNSET
    website: HttpAddress | UnsetType | None = UNSET
    time_zone: TimeZone | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    is_master_workshop: bool | UnsetType = UNSET


class Workshop(msgspec.Struct, frozen=True, kw_only=True):
    """A workshop; phone is E.164, federal_state ISO 3166-2 and follows from the postal code."""

    id: UUID
    name: str
    slug: str
    business_type: BusinessType
    address: str
    postal_code: str
    city: str
    federal_state: FederalState | None
    municipality_key: str | None
    country: str
    latitude: float | None
    longitude: float | None
    phone: str | None
    email: str | None
    website: str | None
    time_zone: str
    is_active: bool
    is_master_workshop: bool
    created_at: datetime
    updated_at: datetime
    revision: int


class WorkshopPosition(msgspec.Struct, frozen=True):
    """After which workshop a page goes on."""

    id: UUID


class NearbyWorkshop(msgspec.Struct, frozen=True):
    """A workshop and how far it is, as the crow flies."""

    id: UUID
    name: str
    distance_km: float


class Nearby(msgspec.Struct, frozen=True):
    """The nearest workshops, at most 100."""

    items: list[NearbyWorkshop]
