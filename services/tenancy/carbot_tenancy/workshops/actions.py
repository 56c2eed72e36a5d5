"""Adding and changing workshops."""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET

from carbot_contracts.event import Event
from carbot_contracts.tenancy import WorkshopChanged
from carbot_core import outbox
from carbot_core.auth.principal import Principal
from carbot_core.db import ConstraintViolated, Tx
from carbot_core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, PreconditionFailed
from carbot_core.fields import normalize_phone
from carbot_tenancy.federal_states import NUMBERS, FederalState, require_state
from carbot_tenancy.fields import require_email, require_time_zone
from carbot_tenancy.organizations.queries import lock_choices
from carbot_tenancy.workshops import queries
from carbot_tenancy.workshops.models import NewWorkshop, Workshop, WorkshopEdit


class WorkshopNotFound(NotFound):
    """There is no such workshop."""


class SlugTaken(Conflict):
    """Another workshop of your organisation has this slug."""


class IncompletePlace(Invalid):
    """Latitude and longitude come together."""


class RestrictedToWorkshops(Forbidden):
    """You are restricted to some workshops and cannot add one: you would not see it."""


class ForeignMunicipality(Invalid):
    """The municipality key is of another federal state than the postal code."""


class MasterWorkshopNeeded(Conflict):
    """An organisation has a master workshop: let another one take over, by is_master_workshop true there."""


class MasterWorkshopInactive(Conflict):
    """The master workshop is an active one: activate this one first, or let another one take over first."""


class MasterNotYours(Forbidden):
    """You are restricted to some workshops: only whoever sees all of them says which one is the master workshop."""


async def create_workshop(tx: Tx, caller: Principal, new: NewWorkshop, now: datetime) -> Workshop:
    """Store a workshop and announce it; the first one is the master workshop.

    Raises RestrictedToWorkshops, UnknownPostalCode, ForeignMunicipality, IncompletePlace, InvalidPhone, InvalidEmail,
    UnknownTimeZone or SlugTaken.
    """
    if caller.workshops is not None:
        raise RestrictedToWorkshops
    new = _normalized(new)
    federal_state = require_state(new.postal_code)
    _refuse_contradictions(new, federal_state)
    await lock_choices(tx)
    workshop = await queries.insert_workshop(tx, new, federal_state=federal_state, now=now)
    if workshop is None:
        raise SlugTaken(slug=new.slug)
    await outbox.add(tx, _state(workshop), version=workshop.revision)
    return workshop


async def edit_workshop(
    tx: Tx, caller: Principal, workshop_id: UUID, revision: int, edit: WorkshopEdit, *, now: datetime
) -> Workshop:
    """Change a workshop as the caller last saw it, and announce it.

    Raises what create_workshop does, WorkshopNotFound, PreconditionFailed, MasterWorkshopNeeded, MasterWorkshopInactive and
    MasterNotYours.
    """
    if edit.is_master_workshop is True:
        await lock_choices(tx)
    workshop = await queries.lock_workshop(tx, workshop_id)
    if workshop is None:
        raise WorkshopNotFound(workshop=workshop_id)
    if workshop.revision != revision:
        raise PreconditionFailed(workshop=workshop_id)
    changes = {name: value for name in edit.__struct_fields__ if (value := getattr(edit, name)) is not UNSET}
    changed = _normalized(msgspec.structs.replace(workshop, **changes))
    federal_state = require_state(changed.postal_code)
    _refuse_contradictions(changed, federal_state)
    changed = msgspec.structs.replace(changed, federal_state=federal_state)
    await _hand_over(tx, caller, workshop, changed, now=now)
    try:
        stored = await queries.update_workshop(tx, changed, now)
    except ConstraintViolated as violation:
        if violation.context.get("constraint") == "workshops_slug":
            raise SlugTaken(slug=changed.slug) from violation
        raise
    await outbox.add(tx, _state(stored), version=stored.revision)
    return stored


async def _hand_over(tx: Tx, caller: Principal, workshop: Workshop, changed: Workshop, *, now: datetime) -> None:
    """Let the master workshop be one no more if another one takes over, and announce it; refuse to be without one."""
    if workshop.is_master_workshop and not changed.is_master_workshop:
        raise MasterWorkshopNeeded(workshop=workshop.id)
    if changed.is_master_workshop and not changed.is_active:
        raise MasterWorkshopInactive(workshop=workshop.id)
    if workshop.is_master_workshop or not changed.is_master_workshop:
        return
    if caller.workshops is not None:
        raise MasterNotYours
    former = await queries.mark_no_master(tx, now)
    if former is not None:
        await outbox.add(tx, _state(former), version=former.revision)


async def announce_workshops(tx: Tx, after: UUID | None, limit: int) -> list[tuple[Event, int]]:
    """Return the state of workshops in the order of their ids, with their versions."""
    return [(_state(row), row.revision) for row in await queries.list_workshops(tx, after=after, limit=limit)]


def _normalized[T: (NewWorkshop, Workshop)](workshop: T) -> T:
    """Return the workshop with its number and its address as they are stored; raise InvalidPhone, InvalidEmail or UnknownTimeZone."""
    require_time_zone(workshop.time_zone)
    return msgspec.structs.replace(
        workshop,
        phone=None if workshop.phone is None else normalize_phone(workshop.phone),
        email=None if workshop.email is None else require_email(workshop.email, "/email"),
    )


def _refuse_contradictions(workshop: NewWorkshop | Workshop, federal_state: FederalState) -> None:
    refuse_half_a_place(workshop.latitude, workshop.longitude)
    key = workshop.municipality_key
    if key is not None and not key.startswith(NUMBERS[federal_state]):
        raise ForeignMunicipality(errors=(FieldError("/municipality_key", ForeignMunicipality.sentence()),))


def refuse_half_a_place(latitude: float | None, longitude: float | None) -> None:
    """Raise IncompletePlace unless there are both or neither."""
    if (latitude is None) != (longitude is None):
        missing = "/latitude" if latitude is None else "/longitude"
        raise IncompletePlace(errors=(FieldError(missing, IncompletePlace.sentence()),))


def _state(workshop: Workshop) -> WorkshopChanged:
    return WorkshopChanged(
        workshop_id=workshop.id,
        name=workshop.name,
        slug=workshop.slug,
        time_zone=workshop.time_zone,
        postal_code=workshop.postal_code,
        federal_state=workshop.federal_state,
        is_active=workshop.is_active,
    )
