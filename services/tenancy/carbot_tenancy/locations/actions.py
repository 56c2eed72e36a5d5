"""Adding and changing locations."""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET

from carbot_contracts import tenancy as contracts
from carbot_contracts.event import Event
from carbot_contracts.tenancy import LocationChanged
from carbot_core import outbox
from carbot_core.db import Tx
from carbot_core.errors import Conflict, NotFound, PreconditionFailed
from carbot_core.fields import normalize_phone
from carbot_tenancy.federal_states import require_state
from carbot_tenancy.locations import queries
from carbot_tenancy.locations.hours import in_order
from carbot_tenancy.locations.models import Location, LocationEdit, NewLocation
from carbot_tenancy.workshops.actions import WorkshopNotFound, refuse_half_a_place
from carbot_tenancy.workshops.queries import lock_workshop


class LocationNotFound(NotFound):
    """There is no such location."""


class PrimaryLocationNeeded(Conflict):
    """A workshop with locations has a primary one: let another one take over, by is_primary true there."""


class PrimaryLocationInactive(Conflict):
    """The primary location is an active one: activate this one first, or let another one take over first."""


async def create_location(tx: Tx, workshop_id: UUID, new: NewLocation, now: datetime) -> Location:
    """Store a location and announce it; a workshop's first one is its primary one.

    Raises WorkshopNotFound, UnknownPostalCode, IncompletePlace, InvalidPhone, ClosesBeforeOpening or OverlappingHours.
    """
    new = _normalized(new)
    federal_state = require_state(new.postal_code)
    # Locked, so that of two first locations only one is the primary.
    await lock_workshop(tx, workshop_id)
    location = await queries.insert_location(tx, workshop_id, new, federal_state=federal_state, now=now)
    if location is None:
        raise WorkshopNotFound(workshop=workshop_id)
    await outbox.add(tx, _state(location), version=location.revision)
    return location


async def edit_location(tx: Tx, location_id: UUID, revision: int, edit: LocationEdit, now: datetime) -> Location:
    """Change a location as the caller last saw it, and announce it.

    Raises what create_location does, LocationNotFound, PreconditionFailed, PrimaryLocationNeeded and PrimaryLocationInactive.
    """
    location = await _lock(tx, location_id)
    if location.revision != revision:
        raise PreconditionFailed(location=location_id)
    changes = {name: value for name in edit.__struct_fields__ if (value := getattr(edit, name)) is not UNSET}
    changed = _normalized(msgspec.structs.replace(location, **changes))
    changed = msgspec.structs.replace(changed, federal_state=require_state(changed.postal_code))
    if location.is_primary and not changed.is_primary:
        raise PrimaryLocationNeeded(location=location_id)
    if changed.is_primary and not changed.is_active:
        raise PrimaryLocationInactive(location=location_id)
    if changed.is_primary and not location.is_primary:
        former = await queries.mark_no_primary(tx, location.workshop_id, now)
        if former is not None:
            await outbox.add(tx, _state(former), version=former.revision)
    stored = await queries.update_location(tx, changed, now)
    await outbox.add(tx, _state(stored), version=stored.revision)
    return stored


async def announce_locations(tx: Tx, after: UUID | None, limit: int) -> list[tuple[Event, int]]:
    """Return the state of locations in the order of their ids, with their versions."""
    return [(_state(row), row.revision) for row in await queries.list_location_states(tx, after, limit)]


async def _lock(tx: Tx, location_id: UUID) -> Location:
    """Return a location as it is once its workshop is locked: the locations of a workshop change one after the other."""
    location = await queries.find_location(tx, location_id)
    if location is not None:
        await lock_workshop(tx, location.workshop_id)
        location = await queries.find_location(tx, location_id)
    if location is None:
        raise LocationNotFound(location=location_id)
    return location


def _normalized[T: (NewLocation, Location)](location: T) -> T:
    """Return the location with its number as E.164 and its hours in order.

    Raises IncompletePlace, InvalidPhone, ClosesBeforeOpening or OverlappingHours.
    """
    refuse_half_a_place(location.latitude, location.longitude)
    return msgspec.structs.replace(
        location,
        phone=None if location.phone is None else normalize_phone(location.phone),
        opening_hours=in_order(location.opening_hours),
    )


def _state(location: Location) -> LocationChanged:
    return LocationChanged(
        location_id=location.id,
        workshop_id=location.workshop_id,
        name=location.name,
        address=location.address,
        postal_code=location.postal_code,
        city=location.city,
        federal_state=location.federal_state,
        latitude=location.latitude,
        longitude=location.longitude,
        phone=location.phone,
        opening_hours=tuple(
            contracts.OpeningHours(weekday=hours.weekday, opens=hours.opens, closes=hours.closes)
            for hours in location.opening_hours
        ),
        is_primary=location.is_primary,
        is_active=location.is_active,
    )
