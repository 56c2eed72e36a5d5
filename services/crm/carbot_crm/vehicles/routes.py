"""Vehicles over HTTP."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Router, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.errors import PreconditionFailed, PreconditionRequired
from carbot_core.web.pages import InvalidCursor
from carbot_crm.customers import queries as customers
from carbot_crm.customers.actions import CustomerNotFound, WorkshopNotFound
from carbot_crm.due.actions import NotYet, VehicleNotFound
from carbot_crm.vehicles import actions, queries
from carbot_crm.vehicles.actions import InvalidSeason, MileageFalls, TransferTooEarly, VehicleNotOwned
from carbot_crm.vehicles.models import (
    NewReading,
    NewVehicle,
    Ownership,
    Reading,
    ReadingPosition,
    Transfer,
    Vehicle,
    VehicleEdit,
    VehiclePosition,
)

READ = [web.requires(scopes.VEHICLES_READ)]
WRITE = [web.requires(scopes.VEHICLES_WRITE)]


class Ownerships(msgspec.Struct, frozen=True):
    """Who owned a vehicle when."""

    items: list[Ownership]


@get("/", guards=READ, responses=web.problems(InvalidCursor))
async def list_vehicles(
    tx: web.Tx,
    caller: web.Caller,
    workshop_id: FromQuery[Annotated[UUID | None, QueryParameter(description="Only vehicles of this workshop")]] = None,
    limit: web.Limit = 50,
    cursor: web.Cursor = None,
) -> web.Page[Vehicle]:
    """List vehicles, newest first."""
    keyset = web.Keyset(VehiclePosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, workshop_id))
    return keyset.page(await queries.list_vehicles(tx, workshop_id=workshop_id, after=keyset.after, limit=keyset.fetch))


@post("/", guards=WRITE, responses=web.problems(WorkshopNotFound, CustomerNotFound, InvalidSeason, NotYet))
async def create_vehicle(data: JSONBody[NewVehicle], tx: web.Tx, now: web.Now) -> Vehicle:
    """Take up a vehicle. When its inspection is due follows from the last one, or from its first registration."""
    return await actions.create_vehicle(tx, data, now=now)


@get("/{vehicle_id:str}", guards=READ, responses=web.problems(VehicleNotFound))
async def read_vehicle(vehicle_id: FromPath[UUID], tx: web.Tx) -> Vehicle:
    """Read a vehicle with its present owner."""
    vehicle = await queries.find_vehicle(tx, vehicle_id)
    if vehicle is None:
        raise VehicleNotFound(vehicle=vehicle_id)
    return vehicle


@patch(
    "/{vehicle_id:str}",
    guards=WRITE,
    responses=web.problems(VehicleNotFound, InvalidSeason, NotYet, PreconditionFailed, PreconditionRequired),
)
async def edit_vehicle(
    vehicle_id: FromPath[UUID], revision: web.IfMatch, data: JSONBody[VehicleEdit], tx: web.Tx, now: web.Now
) -> Vehicle:
    """Change a vehicle that you have read: what is left out stays, null empties."""
    return await actions.edit_vehicle(tx, vehicle_id, revision, data, now=now)


@post(
    "/{vehicle_id:str}/transfer",
    status_code=200,
    guards=WRITE,
    responses=web.problems(VehicleNotFound, CustomerNotFound, VehicleNotOwned, TransferTooEarly, NotYet),
)
async def transfer_vehicle(vehicle_id: FromPath[UUID], data: JSONBody[Transfer], tx: web.Tx, now: web.Now) -> Vehicle:
    """Let a vehicle go to another owner. Its works and kilometres stay, the note goes with the former owner."""
    return await actions.transfer_vehicle(tx, vehicle_id, data, now=now)


@get(
    "/{vehicle_id:str}/ownerships",
    guards=[web.requires(scopes.CUSTOMERS_READ)],
    responses=web.problems(VehicleNotFound),
)
async def list_ownerships(vehicle_id: FromPath[UUID], tx: web.Tx) -> Ownerships:
    """List who owned a vehicle when, the present owner first."""
    if await queries.find_vehicle(tx, vehicle_id) is None:
        raise VehicleNotFound(vehicle=vehicle_id)
    return Ownerships(await queries.list_ownerships(tx, vehicle_id))


@get("/{vehicle_id:str}/mileage", guards=READ, responses=web.problems(VehicleNotFound, InvalidCursor))
async def list_readings(
    vehicle_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[Reading]:
    """List what the odometer showed, newest first."""
    if await queries.find_vehicle(tx, vehicle_id) is None:
        raise VehicleNotFound(vehicle=vehicle_id)
    keyset = web.Keyset(ReadingPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, vehicle_id))
    return keyset.page(await queries.list_readings(tx, vehicle_id, after=keyset.after, limit=keyset.fetch))


@post("/{vehicle_id:str}/mileage", guards=WRITE, responses=web.problems(VehicleNotFound, MileageFalls, NotYet))
async def note_reading(vehicle_id: FromPath[UUID], data: JSONBody[NewReading], tx: web.Tx, now: web.Now) -> Reading:
    """Note what the odometer showed."""
    return await actions.note_reading(tx, vehicle_id, data, now=now)


@get("/{customer_id:str}/vehicles", guards=READ, responses=web.problems(InvalidCursor))
async def list_vehicles_of_customer(
    customer_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[Vehicle]:
    """List the vehicles that are a customer's now, newest first."""
    if await customers.find_customer(tx, customer_id) is None:
        raise CustomerNotFound(customer=customer_id)
    keyset = web.Keyset(VehiclePosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, customer_id))
    return keyset.page(await queries.list_vehicles_of_customer(tx, customer_id, after=keyset.after, limit=keyset.fetch))


VEHICLES = Router(
    "/api/crm/v1/vehicles",
    route_handlers=[
        list_vehicles,
        create_vehicle,
        read_vehicle,
        edit_vehicle,
        transfer_vehicle,
        list_ownerships,
        list_readings,
        note_reading,
    ],
)
VEHICLES_OF_CUSTOMER = Router("/api/crm/v1/customers", route_handlers=[list_vehicles_of_customer])
