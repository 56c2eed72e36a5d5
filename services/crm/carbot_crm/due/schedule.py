"""What is due next on a vehicle, from its facts, its works and the rules. No clock, no database."""

from datetime import date
from typing import Final

from carbot_crm.due.models import RuleInForce, Wanted
from carbot_crm.due.rules import Fuel, VehicleClass, end_of_month, needs_au, next_calendar_month, next_hu

AU_BEFORE_HU_MONTHS: Final = 2
"""A recognised workshop may measure the exhaust so long before the inspection that it is part of (StVZO, Anlage VIII no. 3.1.1.1)."""


def inspections(
    vehicle_class: VehicleClass,
    fuel: Fuel | None,
    first_registration: date | None,
    *,
    last_hu_on: date | None,
    last_au_on: date | None,
) -> list[Wanted]:
    """Return the inspections that the law wants next."""
    due_on = next_hu(vehicle_class, first_registration, last_hu_on)
    if due_on is None:
        return []
    source = "work" if last_hu_on else "first_registration"
    wanted = [Wanted(kind="hu", due_on=due_on, source=source)]
    measured = last_au_on is not None and last_au_on > end_of_month(due_on, -AU_BEFORE_HU_MONTHS - 1)
    if needs_au(vehicle_class, fuel) and not measured:
        wanted.append(Wanted(kind="au", due_on=due_on, source=source))
    return wanted


def by_rule(rule: RuleInForce, first_registration: date | None, mileage: int | None, *, today: date) -> Wanted | None:
    """Return what a workshop's own rule makes due next, or None while nothing is known that it could count from."""
    due_on = _by_time(rule, first_registration, today)
    due_at = _by_distance(rule, mileage)
    if due_on is None and due_at is None:
        return None
    return Wanted(
        kind=rule.kind,
        rule_id=rule.id,
        name=rule.name,
        due_on=due_on,
        due_at_kilometres=due_at,
        source="work" if rule.done_on else "first_registration",
    )


def _by_time(rule: RuleInForce, first_registration: date | None, today: date) -> date | None:
    if rule.calendar_months:
        return next_calendar_month(rule.calendar_months, rule.done_on or today)
    if rule.next_months is None:
        return None
    if rule.done_on is not None:
        return end_of_month(rule.done_on, rule.next_months)
    return end_of_month(first_registration, rule.first_months or rule.next_months) if first_registration else None


def _by_distance(rule: RuleInForce, mileage: int | None) -> int | None:
    """Count from the last work, else to the next whole multiple of the distance."""
    if rule.kilometres is None:
        return None
    if rule.done_at_kilometres is not None:
        return rule.done_at_kilometres + rule.kilometres
    return None if mileage is None else (mileage // rule.kilometres + 1) * rule.kilometres
