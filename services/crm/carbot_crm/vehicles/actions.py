"""What can be done with vehicles."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET

from carbot_core.db import Tx
from carbot_core.errors import Conflict, FieldError, Invalid, NotFound, PreconditionFailed
from carbot_crm.customers.actions import CustomerNotFound, WorkshopNotFound
from carbot_crm.due.actions import VehicleNotFound, refuse_future, settle
from carbot_crm.vehicles import queries
from carbot_crm.vehicles.models import NewReading, NewVehicle, Reading, Transfer, Vehicle, VehicleEdit
from carbot_crm.vehicles.plates import read_plate

_SHORTEST_SEASON: Final = 2
_LONGEST_SEASON: Final = 11


class InvalidSeason(Invalid):
    """A seasonal plate is valid from one month to another, 2 to 11 months in all."""


class MileageFalls(Invalid):
    """The odometer shows fewer kilometres than before: give the reason, for example a new instrument."""


class TransferTooEarly(Conflict):
    """The present owner has the vehicle since that day or later: choose a later day."""


class VehicleNotOwned(NotFound):
    """The vehicle belongs to nobody whom it could go from."""


async def create_vehicle(tx: Tx, new: NewVehicle, *, now: datetime) -> Vehicle:
    """Store a vehicle, its owner, and what is due; raise WorkshopNotFound, CustomerNotFound, InvalidSeason, NotYet."""
    for name in ("first_registration", "last_hu_on", "owned_since"):
        refuse_future(getattr(new, name), now, f"/{name}")
    _refuse_season(new.season_from, new.season_to)
    new = msgspec.structs.replace(new, **_normalized(msgspec.structs.asdict(new)))
    vehicle = await queries.insert_vehicle(tx, new, now)
    if vehicle is None:
        raise WorkshopNotFound(workshop=new.workshop_id)
    if new.customer_id is not None:
        vehicle = await _give(tx, vehicle, new.customer_id, new.owned_since or now.date(), now)
    if new.mileage is not None:
        await queries.insert_reading(tx, vehicle.id, NewReading(new.mileage, now.date()), now)
    return await settle(tx, vehicle, now)


async def edit_vehicle(tx: Tx, vehicle_id: UUID, revision: int, edit: VehicleEdit, *, now: datetime) -> Vehicle:
    """Change a vehicle as the caller last saw it; raise VehicleNotFound, PreconditionFailed, InvalidSeason, NotYet."""
    vehicle = await _locked(tx, vehicle_id)
    if vehicle.revision != revision:
        raise PreconditionFailed(vehicle=vehicle_id)
    changes = {name: value for name in edit.__struct_fields__ if (value := getattr(edit, name)) is not UNSET}
    vehicle = msgspec.structs.replace(vehicle, **_normalized(changes))
    refuse_future(vehicle.first_registration, now, "/first_registration")
    _refuse_season(vehicle.season_from, vehicle.season_to)
    return await settle(tx, vehicle, now)


async def transfer_vehicle(tx: Tx, vehicle_id: UUID, transfer: Transfer, *, now: datetime) -> Vehicle:
    """Let a vehicle go from its owner to another; its works and kilometres stay, what was noted for the former owner goes.

    Raises VehicleNotFound, CustomerNotFound, VehicleNotOwned, TransferTooEarly, NotYet.
    """
    refuse_future(transfer.on, now, "/on")
    vehicle = await _locked(tx, vehicle_id)
    if vehicle.owned_since is None and transfer.customer_id is None:
        raise VehicleNotOwned(vehicle=vehicle_id)
    if vehicle.owned_since is not None:
        if transfer.on <= vehicle.owned_since:
            raise TransferTooEarly(public={"owned_since": vehicle.owned_since.isoformat()}, vehicle=vehicle_id)
        await queries.update_ownership_end(tx, vehicle_id, transfer.on, now)
    plate = read_plate(transfer.plate) if transfer.plate else vehicle.plate
    vehicle = msgspec.structs.replace(vehicle, customer_id=None, owned_since=None, note=None, plate=plate)
    if transfer.customer_id is not None:
        vehicle = await _give(tx, vehicle, transfer.customer_id, transfer.on, now)
    return await settle(tx, vehicle, now)


async def note_reading(tx: Tx, vehicle_id: UUID, new: NewReading, *, now: datetime) -> Reading:
    """Note what the odometer showed; raise VehicleNotFound, MileageFalls, NotYet.

    One of an earlier day is history and changes nothing else.
    """
    refuse_future(new.read_on, now, "/read_on")
    vehicle = await _locked(tx, vehicle_id)
    is_newest = vehicle.mileage_read_on is None or new.read_on >= vehicle.mileage_read_on
    if is_newest and new.kilometres < (vehicle.mileage or 0) and new.reason is None:
        raise MileageFalls(errors=(FieldError("/kilometres", MileageFalls.sentence()),))
    reading = await queries.insert_reading(tx, vehicle_id, new, now)
    if is_newest:
        changed = msgspec.structs.replace(vehicle, mileage=new.kilometres, mileage_read_on=new.read_on)
        await settle(tx, changed, now)
    return reading


async def _locked(tx: Tx, vehicle_id: UUID) -> Vehicle:
    vehicle = await queries.lock_vehicle(tx, vehicle_id)
    if vehicle is None:
        raise VehicleNotFound(vehicle=vehicle_id)
    return vehicle


async def _give(tx: Tx, vehicle: Vehicle, customer_id: UUID, since: date, now: datetime) -> Vehicle:
    ownership = await queries.insert_ownership(tx, vehicle.id, customer_id, since, now)
    if ownership is None:
        raise CustomerNotFound(customer=customer_id)
    return msgspec.structs.replace(vehicle, customer_id=customer_id, owned_since=since)


def _normalized(fields: dict[str, Any]) -> dict[str, Any]:
    """Return these fields as they are stored."""
    stored = dict(fields)
    for name in ("vin", "tsn"):
        if stored.get(name):
            stored[name] = stored[name].upper()
    if stored.get("plate"):
        stored["plate"] = read_plate(stored["plate"])
    return stored


def _refuse_season(season_from: int | None, season_to: int | None) -> None:
    if season_from is None and season_to is None:
        return
    length = 0 if season_from is None or season_to is None else (season_to - season_from) % 12 + 1
    if not _SHORTEST_SEASON <= length <= _LONGEST_SEASON:
        raise InvalidSeason(errors=(FieldError("/season_to", InvalidSeason.sentence()),))
