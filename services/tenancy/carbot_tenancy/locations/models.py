"""Locations: the sites of a workshop, and when they are open."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from carbot_core.fields import Line, Phone
from carbot_tenancy.federal_states import FederalState
from carbot_tenancy.workshops.models import Latitude, Longitude, PostalCode

Weekday = Annotated[int, msgspec.Meta(ge=1, le=7, description="1 is Monday, 7 Sunday (ISO 8601)")]
Opens = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)", description="The workshop's local time", examples=["08:00"]
    ),
]
Closes = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$(?!\n)",
        description="The workshop's local time; 24:00 is the day's end",
        examples=["17:00"],
    ),
]


class OpeningHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """A time of a weekday at which a location is open; a day may have several."""

    weekday: Weekday
    opens: Opens
    closes: Closes


WeeklyHours = Annotated[list[OpeningHours], msgspec.Meta(max_length=21, description="In the order of the week")]


class NewLocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new location; latitude and longitude come together."""

    name: Line
    address: Line
    postal_code: PostalCode
    city: Line
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    phone: Phone | None = None
    opening_hours: WeeklyHours = msgspec.field(default_factory=list)


class LocationEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be different; what is left out stays, null empties."""

    name: Line | UnsetType = UNSET
    address: Line | UnsetType = UNSET
    postal_code: PostalCode | UnsetType = UNSET
    city: Line | UnsetType = UNSET
    latitude: Latitude | UnsetType | None = UNSET
    longitude: Longitude | UnsetType | None = UNSET
    phone: Phone | UnsetType | None = UNSET
    opening_hours: WeeklyHours | UnsetType = UNSET
    is_primary: bool | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """A location; phone is E.164, federal_state ISO 3166-2 and follows from the postal code."""

    id: UUID
    workshop_id: UUID
    name: str
    address: str
    postal_code: str
    city: str
    federal_state: FederalState
    latitude: float | None
    longitude: float | None
    phone: str | None
    opening_hours: list[OpeningHours]
    is_primary: bool
    is_active: bool
    created_at: datetime
    updated_at: datetime
    revision: int


class LocationPosition(msgspec.Struct, frozen=True):
    """After which location a page goes on."""

    id: UUID
