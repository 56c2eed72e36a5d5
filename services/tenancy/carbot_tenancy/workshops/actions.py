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
from carbot_tenancy.workshops import queries
from carbot_tenancy.workshops.models import NewWorkshop, Workshop, WorkshopEdit

TIME_ZONE = "Europe/Berlin"


class WorkshopNotFound(NotFound):
    """There is no such workshop."""


class SlugTaken(Conflict):
    """Another workshop of your organisation has this slug."""


class IncompletePlace(Invalid):
    """Latitude and longitude come together."""


class RestrictedToWorkshops(Forbidden):
    """You are restricted to some workshops and cannot add one: you would not see it."""


async def create_workshop(tx: Tx, caller: Principal, new: NewWorkshop, now: datetime) -> Workshop:
    """Store a workshop and announce it; raise RestrictedToWorkshops, IncompletePlace, InvalidPhone or SlugTaken."""
    if caller.workshops is not None:
        raise RestrictedToWorkshops
    _refuse_half_a_place(new)
    if new.phone is not None:
        new = msgspec.structs.replace(new, phone=normalize_phone(new.phone))
    workshop = await queries.insert_workshop(tx, new, time_zone=TIME_ZONE, now=now)
    if workshop is None:
        raise SlugTaken(slug=new.slug)
    await outbox.add(tx, _state(workshop), version=workshop.revision)
    return workshop


async def edit_workshop(tx: Tx, workshop_id: UUID, revision: int, edit: WorkshopEdit, now: datetime) -> Workshop:
    """Change a workshop as the caller last saw it.

    Raises WorkshopNotFound, PreconditionFailed, IncompletePlace, InvalidPhone or SlugTaken.
    """
    workshop = await queries.lock_workshop(tx, workshop_id)
    if workshop is None:
        raise WorkshopNotFound(workshop=workshop_id)
    if workshop.revision != revision:
        raise PreconditionFailed(workshop=workshop_id)
    changes = {name: value for name in edit.__struct_fields__ if (value := getattr(edit, name)) is not UNSET}
    if changes.get("phone"):
        changes["phone"] = normalize_phone(str(changes["phone"]))
    changed = msgspec.structs.replace(workshop, **changes)
    _refuse_half_a_place(changed)
    try:
        stored = await queries.update_workshop(tx, changed, now)
    except ConstraintViolated as violation:
        if violation.context.get("constraint") == "workshops_slug":
            raise SlugTaken(slug=changed.slug) from violation
        raise
    await outbox.add(tx, _state(stored), version=stored.revision)
    return stored


async def announce_workshops(tx: Tx, after: UUID | None, limit: int) -> list[tuple[Event, int]]:
    """Return the state of workshops in the order of their ids, with their versions."""
    return [(_state(row), row.revision) for row in await queries.list_workshops(tx, after=after, limit=limit)]


def _refuse_half_a_place(workshop: NewWorkshop | Workshop) -> None:
    if (workshop.latitude is None) != (workshop.longitude is None):
        missing = "/latitude" if workshop.latitude is None else "/longitude"
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
