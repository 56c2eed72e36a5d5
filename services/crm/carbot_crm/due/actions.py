"""Keeping what is due in step with what was done."""

from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec
from msgspec import UNSET

from carbot_core import outbox
from carbot_core.db import Tx
from carbot_core.errors import FieldError, Invalid, NotFound, PreconditionFailed
from carbot_crm.due import queries, schedule
from carbot_crm.due.models import NewRule, NewWork, Rule, RuleEdit, Work
from carbot_crm.vehicles import queries as vehicles
from carbot_crm.vehicles.models import NewReading, Vehicle


class VehicleNotFound(NotFound):
    """There is no such vehicle."""


class RuleNotFound(NotFound):
    """There is no such rule for this kind of work."""


class RuleWithoutMeasure(Invalid):
    """A rule needs months, kilometres or months of the year: say when it falls due."""


class NotYet(Invalid):
    """This day lies in the future: note what has been, and what is due follows from it."""


def refuse_future(day: date | None, now: datetime, pointer: str) -> None:
    """Raise NotYet for a day that has begun nowhere on earth."""
    if day is not None and day > now.date() + timedelta(days=1):
        raise NotYet(errors=(FieldError(pointer, NotYet.sentence()),))


async def record_work(tx: Tx, vehicle_id: UUID, new: NewWork, *, now: datetime) -> Work:
    """Note what was done and move on what follows from it; raise VehicleNotFound, RuleNotFound, NotYet."""
    refuse_future(new.done_on, now, "/done_on")
    vehicle = await vehicles.lock_vehicle(tx, vehicle_id)
    if vehicle is None:
        raise VehicleNotFound(vehicle=vehicle_id)
    work = await queries.insert_work(tx, vehicle_id, new, now)
    if work is None:
        raise RuleNotFound(rule=new.rule_id)
    if work.passed:
        await queries.mark_items_done(tx, work, now)
    changes: dict[str, object] = {}
    if work.kind == "hu" and work.passed and (vehicle.last_hu_on is None or work.done_on > vehicle.last_hu_on):
        changes["last_hu_on"] = work.done_on
    if work.kilometres is not None and work.kilometres > (vehicle.mileage or 0):
        changes |= {"mileage": work.kilometres, "mileage_read_on": work.done_on}
        await vehicles.insert_reading(tx, vehicle_id, NewReading(work.kilometres, work.done_on), now)
    await settle(tx, msgspec.structs.replace(vehicle, **changes), now)
    return work


async def settle(tx: Tx, vehicle: Vehicle, now: datetime) -> Vehicle:
    """Store a vehicle that was locked or is new, with what its facts make due next, and announce it."""
    wanted = []
    if vehicle.is_active:
        wanted = schedule.inspections(
            vehicle.vehicle_class,
            vehicle.fuel,
            vehicle.first_registration,
            last_hu_on=vehicle.last_hu_on,
            last_au_on=await queries.find_last_au(tx, vehicle.id),
        )
        rules = await queries.list_rules_in_force(tx, vehicle.id, vehicle.vehicle_class)
        following = (
            schedule.by_rule(rule, vehicle.first_registration, vehicle.mileage, today=now.date()) for rule in rules
        )
        wanted += [each for each in following if each is not None]
    expiry = next((each.due_on for each in wanted if each.kind == "hu"), None)
    vehicle = await vehicles.update_vehicle(tx, msgspec.structs.replace(vehicle, tuv_expiry=expiry), now)
    await queries.delete_other_items(tx, vehicle.id, wanted)
    await queries.insert_items(tx, vehicle.id, wanted, now)
    await outbox.add(tx, vehicles.state_of(vehicle), version=vehicle.revision)
    return vehicle


async def create_rule(tx: Tx, new: NewRule, now: datetime) -> Rule:
    """Store a rule; raise RuleWithoutMeasure. Vehicles follow it from their next change on."""
    _refuse_without_measure(new)
    return await queries.insert_rule(tx, new, now)


async def edit_rule(tx: Tx, rule_id: UUID, revision: int, edit: RuleEdit, *, now: datetime) -> Rule:
    """Change a rule as the caller last saw it; raise RuleNotFound, PreconditionFailed, RuleWithoutMeasure."""
    rule = await queries.lock_rule(tx, rule_id)
    if rule is None:
        raise RuleNotFound(rule=rule_id)
    if rule.revision != revision:
        raise PreconditionFailed(rule=rule_id)
    changes = {name: value for name in edit.__struct_fields__ if (value := getattr(edit, name)) is not UNSET}
    rule = msgspec.structs.replace(rule, **changes)
    _refuse_without_measure(rule)
    return await queries.update_rule(tx, rule, now)


def _refuse_without_measure(rule: NewRule | Rule) -> None:
    if rule.next_months is None and rule.kilometres is None and rule.calendar_months is None:
        raise RuleWithoutMeasure(errors=(FieldError("/next_months", RuleWithoutMeasure.sentence()),))
