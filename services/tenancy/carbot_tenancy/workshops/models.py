"""Workshops."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from carbot_core.fields import Line, Phone
from carbot_tenancy.fields import Slug

BusinessType = Literal["independent", "chain", "dealership", "specialty"]
PostalCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{5}$(?!\n)", description="Five digits")]
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
    country: Literal["DEU"] = "DEU"
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    phone: Phone | None = None


class WorkshopEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be different; what is left out stays, null empties."""

    name: Line | UnsetType = UNSET
    slug: Slug | UnsetType = UNSET
    business_type: BusinessType | UnsetType = UNSET
    address: Line | UnsetType = UNSET
    postal_code: PostalCode | UnsetType = UNSET
    city: Line | UnsetType = UNSET
    latitude: Latitude | UnsetType | None = UNSET
    longitude: Longitude | UnsetType | None = UNSET
    phone: Phone | UnsetType | None = UNSET
    is_active: bool | UnsetType = UNSET


class Workshop(msgspec.Struct, frozen=True, kw_only=True):
    """A workshop; phone is E.164, federal_state ISO 3166-2."""

    id: UUID
    name: str
    slug: str
    business_type: BusinessType
    address: str
    postal_code: str
    city: str
    federal_state: str | None
    country: str
    latitude: float | None
    longitude: float | None
    phone: str | None
    time_zone: str
    is_active: bool
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
