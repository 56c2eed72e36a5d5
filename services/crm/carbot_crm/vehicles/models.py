"""What a vehicle is, on the wire and in its row."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from carbot_core.fields import Line, Text
from carbot_crm.due.rules import Fuel, Plaque, VehicleClass, plaque

Vin = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-HJ-NPR-Za-hj-npr-z0-9]{17}$(?!\n)",
        description="17 characters, no I, O or Q (ISO 3779)",
        examples=["WVWZZZ1KZAW123456"],
    ),
]
PlateText = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=20,
        pattern=r"^[^\x00-\x1f\x7f]*[0-9A-Za-zÄÖÜäöü][^\x00-\x1f\x7f]*$(?!\n)",
        description="As it is written, with a blank or hyphen after the district",
        examples=["HH-AB 123"],
    ),
]
Hsn = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}$(?!\n)", description="Field 2.1 of the registration (maker)")]
Tsn = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z]{3}$(?!\n)", description="The first three of field 2.2 (type)")]
Month = Annotated[int, msgspec.Meta(ge=1, le=12)]
Kilometres = Annotated[int, msgspec.Meta(ge=0, le=2_000_000, description="Kilometres")]


class NewVehicle(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When the next inspection is due follows from the last one, or from the first registration: it is never typed."""

    customer_id: UUID | None = None
    owned_since: date | None = None
    workshop_id: UUID | None = None
    vin: Vin | None = None
    plate: PlateText | None = None
    season_from: Month | None = None
    season_to: Month | None = None
    hsn: Hsn | None = None
    tsn: Tsn | None = None
    make: Line | None = None
    model: Line | None = None
    first_registration: date | None = None
    fuel: Fuel | None = None
    vehicle_class: VehicleClass = "car"
    mileage: Kilometres | None = None
    last_hu_on: date | None = None
    note: Text | None = None


class VehicleEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be different; what is left out stays. Kilometres and inspections are noted as what they are, not edited."""

    vin: Vin | UnsetType | None = UNSET
    plate: PlateText | UnsetType | None = UNSET
    season_from: Month | UnsetType | None = UNSET
    season_to: Month | UnsetType | None = UNSET
    hsn: Hsn | UnsetType | None = UNSET
    tsn: Tsn | UnsetType | None = UNSET
    make: Line | UnsetType | None = UNSET
    model: Line | UnsetType | None = UNSET
    first_registration: date | UnsetType | None = UNSET
    fuel: Fuel | UnsetType | None = UNSET
    vehicle_class: VehicleClass | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    note: Text | UnsetType | None = UNSET


class Vehicle(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle with its present owner; `tuv_expiry` is the last day of the month that the plaque shows."""

    id: UUID
    workshop_id: UUID | None
    customer_id: UUID | None
    owned_since: date | None
    vin: str | None
    plate: str | None
    season_from: int | None
    season_to: int | None
    hsn: str | None
    tsn: str | None
    make: str | None
    model: str | None
    first_registration: date | None
    fuel: Fuel | None
    vehicle_class: VehicleClass
    mileage: int | None
    mileage_read_on: date | None
    last_hu_on: date | None
    tuv_expiry: date | None
    plaque: Plaque | None = None
    is_active: bool
    note: str | None
    created_at: datetime
    updated_at: datetime
    revision: int

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "plaque", plaque(self.tuv_expiry) if self.tuv_expiry else None)


class VehiclePosition(msgspec.Struct, frozen=True):
    """After which vehicle a page goes on."""

    created_at: datetime
    id: UUID


class Transfer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """To whom a vehicle goes; to null if the new owner is no customer."""

    customer_id: UUID | None
    on: date
    plate: PlateText | None = None


class Ownership(msgspec.Struct, frozen=True, kw_only=True):
    """Who owned a vehicle from a day on, until the day before `ends_on`; null if it is still theirs."""

    id: UUID
    customer_id: UUID
    starts_on: date
    ends_on: date | None


class NewReading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the odometer showed; fewer kilometres than before need a reason."""

    kilometres: Kilometres
    read_on: date
    reason: Line | None = None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What the odometer showed on a day."""

    id: UUID
    kilometres: int
    read_on: date
    reason: str | None
    author_id: UUID | None
    created_at: datetime


class ReadingPosition(msgspec.Struct, frozen=True):
    """After which reading a page goes on."""

    read_on: date
    id: UUID
