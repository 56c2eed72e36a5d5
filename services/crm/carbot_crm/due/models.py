"""What is due, what was done, and a workshop's own rules."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from carbot_core.fields import Line, Text
from carbot_crm.due.rules import Plaque, VehicleClass, plaque

DueKind = Literal["hu", "au", "service", "tyre_change", "own"]
WorkKind = Literal["hu", "au", "service", "tyre_change", "own", "repair"]
RuleKind = Literal["service", "tyre_change", "own"]
DueSource = Literal["first_registration", "work"]
Months = Annotated[int, msgspec.Meta(ge=1, le=240, description="Months")]
Distance = Annotated[int, msgspec.Meta(ge=100, le=500_000, description="Kilometres")]
CalendarMonths = Annotated[
    list[Annotated[int, msgspec.Meta(ge=1, le=12)]],
    msgspec.Meta(
        min_length=1, max_length=12, description="Months of the year, for example 4 and 10", examples=[[4, 10]]
    ),
]


class NewRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Needs next_months, kilometres or calendar_months; without first_months the first time is like the next ones."""

    kind: RuleKind
    name: Line
    vehicle_class: VehicleClass | None = None
    first_months: Months | None = None
    next_months: Months | None = None
    kilometres: Distance | None = None
    calendar_months: CalendarMonths | None = None


class RuleEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be different; what is left out stays. It counts for a vehicle from its next change on."""

    name: Line | UnsetType = UNSET
    vehicle_class: VehicleClass | UnsetType | None = UNSET
    first_months: Months | UnsetType | None = UNSET
    next_months: Months | UnsetType | None = UNSET
    kilometres: Distance | UnsetType | None = UNSET
    calendar_months: CalendarMonths | UnsetType | None = UNSET
    is_active: bool | UnsetType = UNSET


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A workshop's own rule, beside the law's."""

    id: UUID
    kind: RuleKind
    name: str
    vehicle_class: VehicleClass | None
    first_months: int | None
    next_months: int | None
    kilometres: int | None
    calendar_months: list[int] | None
    is_active: bool
    created_at: datetime
    updated_at: datetime
    revision: int


class RuleInForce(Rule, frozen=True, kw_only=True):
    """A rule with the last work that was done by it on a vehicle."""

    done_on: date | None
    done_at_kilometres: int | None


class Position(msgspec.Struct, frozen=True):
    """After which row a page goes on."""

    created_at: datetime
    id: UUID


class NewWork(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was done on a vehicle; an inspection that was not passed moves nothing on."""

    kind: WorkKind
    done_on: date
    rule_id: UUID | None = None
    passed: bool = True
    kilometres: Annotated[int, msgspec.Meta(ge=0, le=2_000_000)] | None = None
    note: Text | None = None


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What was done on a vehicle."""

    id: UUID
    vehicle_id: UUID
    kind: WorkKind
    rule_id: UUID | None
    done_on: date
    passed: bool
    kilometres: int | None
    note: str | None
    author_id: UUID | None
    created_at: datetime


class WorkPosition(msgspec.Struct, frozen=True):
    """After which work a page goes on."""

    done_on: date
    id: UUID


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """What is due next on a vehicle."""

    id: UUID
    kind: DueKind
    rule_id: UUID | None
    name: str | None
    due_on: date | None
    due_at_kilometres: int | None
    source: DueSource


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a vehicle's facts and the rules make due next."""

    kind: DueKind
    rule_id: UUID | None = None
    name: str | None = None
    due_on: date | None = None
    due_at_kilometres: int | None = None
    source: DueSource


class DueVehicle(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle on the due list; the plaque is that of its inspection, come_by the month to which the season of its plate moves it."""

    id: UUID
    vehicle_id: UUID
    workshop_id: UUID | None
    kind: DueKind
    due_on: date
    come_by: date | None = None
    plaque: Plaque | None = None
    plate: str | None
    make: str | None
    model: str | None
    customer_id: UUID | None
    customer_name: str | None
    tuv_expiry: date | None
    season_from: int | None
    season_to: int | None

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "plaque", plaque(self.tuv_expiry) if self.tuv_expiry else None)


class DuePosition(msgspec.Struct, frozen=True):
    """After which entry a page goes on."""

    due_on: date
    id: UUID


class Announced(msgspec.Struct, frozen=True):
    """What falls due soon and was not told yet."""

    vehicle_id: UUID
    workshop_id: UUID | None
    customer_id: UUID | None
    kind: DueKind
    due_on: date
    revision: int
