"""What is due and what was done, over HTTP."""

from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Router, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.errors import PreconditionFailed, PreconditionRequired
from carbot_core.web.pages import InvalidCursor
from carbot_crm.due import actions, queries
from carbot_crm.due.actions import NotYet, RuleNotFound, RuleWithoutMeasure, VehicleNotFound
from carbot_crm.due.models import (
    DueKind,
    DuePosition,
    DueVehicle,
    Item,
    NewRule,
    NewWork,
    Position,
    Rule,
    RuleEdit,
    Work,
    WorkPosition,
)
from carbot_crm.due.rules import in_season
from carbot_crm.vehicles import queries as vehicles

READ = [web.requires(scopes.VEHICLES_READ)]
WRITE = [web.requires(scopes.VEHICLES_WRITE)]


class Items(msgspec.Struct, frozen=True):
    """Everything that is due next on a vehicle."""

    items: list[Item]


@get("/", guards=READ, responses=web.problems(InvalidCursor))
async def list_vehicles_due(
    tx: web.Tx,
    caller: web.Caller,
    first_day: Annotated[date, QueryParameter(name="from", description="First day")],
    last_day: Annotated[date, QueryParameter(name="to", description="Last day")],
    kind: FromQuery[Annotated[DueKind, QueryParameter(description="What is due")]] = "hu",
    workshop_id: FromQuery[Annotated[UUID | None, QueryParameter(description="Only vehicles of this workshop")]] = None,
    limit: web.Limit = 50,
    cursor: web.Cursor = None,
) -> web.Page[DueVehicle]:
    """List the vehicles on which something is due between two days, soonest first, with their plaque."""
    bound_to = (caller.organization_id, first_day, last_day, kind, workshop_id)
    keyset = web.Keyset(DuePosition, limit=limit, cursor=cursor, bound_to=bound_to)
    within = {"begin": first_day, "end": last_day}
    if kind == "hu":
        rows = await queries.list_vehicles_due_for_hu(
            tx, **within, workshop_id=workshop_id, after=keyset.after, limit=keyset.fetch
        )
        rows = [
            msgspec.structs.replace(row, come_by=in_season(row.due_on, row.season_from, row.season_to)) for row in rows
        ]
    else:
        rows = await queries.list_vehicles_due(
            tx, kind, **within, workshop_id=workshop_id, after=keyset.after, limit=keyset.fetch
        )
    return keyset.page(rows)


@get("/{vehicle_id:str}/due", guards=READ, responses=web.problems(VehicleNotFound))
async def list_items(vehicle_id: FromPath[UUID], tx: web.Tx) -> Items:
    """List what is due next on a vehicle, soonest first."""
    if await vehicles.find_vehicle(tx, vehicle_id) is None:
        raise VehicleNotFound(vehicle=vehicle_id)
    return Items(await queries.list_items(tx, vehicle_id))


@get("/{vehicle_id:str}/works", guards=READ, responses=web.problems(VehicleNotFound, InvalidCursor))
async def list_works(
    vehicle_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[Work]:
    """List what was done on a vehicle, newest first."""
    if await vehicles.find_vehicle(tx, vehicle_id) is None:
        raise VehicleNotFound(vehicle=vehicle_id)
    keyset = web.Keyset(WorkPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, vehicle_id))
    return keyset.page(await queries.list_works(tx, vehicle_id, after=keyset.after, limit=keyset.fetch))


@post("/{vehicle_id:str}/works", guards=WRITE, responses=web.problems(VehicleNotFound, RuleNotFound, NotYet))
async def record_work(vehicle_id: FromPath[UUID], data: JSONBody[NewWork], tx: web.Tx, now: web.Now) -> Work:
    """Note what was done on a vehicle: the next date of its kind follows from it."""
    return await actions.record_work(tx, vehicle_id, data, now=now)


@get("/", guards=READ, responses=web.problems(InvalidCursor))
async def list_rules(
    tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[Rule]:
    """List your own rules, newest first; the law's (HU, AU) hold without being listed."""
    keyset = web.Keyset(Position, limit=limit, cursor=cursor, bound_to=(caller.organization_id,))
    return keyset.page(await queries.list_rules(tx, after=keyset.after, limit=keyset.fetch))


@post("/", guards=WRITE, responses=web.problems(RuleWithoutMeasure))
async def create_rule(data: JSONBody[NewRule], tx: web.Tx, now: web.Now) -> Rule:
    """Add a rule of your own, for example a service every 12 months or 15 000 km."""
    return await actions.create_rule(tx, data, now)


@patch(
    "/{rule_id:str}",
    guards=WRITE,
    responses=web.problems(RuleNotFound, RuleWithoutMeasure, PreconditionFailed, PreconditionRequired),
)
async def edit_rule(
    rule_id: FromPath[UUID], revision: web.IfMatch, data: JSONBody[RuleEdit], tx: web.Tx, now: web.Now
) -> Rule:
    """Change a rule that you have read: what is left out stays, null empties."""
    return await actions.edit_rule(tx, rule_id, revision, data, now=now)


DUE_VEHICLES = Router("/api/crm/v1/vehicles/due", route_handlers=[list_vehicles_due])
WORKS = Router("/api/crm/v1/vehicles", route_handlers=[list_items, list_works, record_work])
DUE_RULES = Router("/api/crm/v1/due-rules", route_handlers=[list_rules, create_rule, edit_rule])
