"""Timelines over HTTP."""

from uuid import UUID

from litestar import Router, get
from litestar.params import FromPath

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.web.pages import InvalidCursor
from carbot_crm.customers import queries as customers
from carbot_crm.customers.actions import CustomerNotFound
from carbot_crm.due.actions import VehicleNotFound
from carbot_crm.timelines import queries
from carbot_crm.timelines.models import Entry, EntryPosition
from carbot_crm.vehicles import queries as vehicles


@get(
    "/{customer_id:str}/timeline",
    guards=[web.requires(scopes.CUSTOMERS_READ)],
    responses=web.problems(CustomerNotFound, InvalidCursor),
)
async def list_customer_timeline(
    customer_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[Entry]:
    """List what happened with a customer, newest first: leads, conversations, communications."""
    if await customers.find_customer(tx, customer_id) is None:
        raise CustomerNotFound(customer=customer_id)
    keyset = web.Keyset(EntryPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, customer_id))
    return keyset.page(await queries.list_of_customer(tx, customer_id, after=keyset.after, limit=keyset.fetch))


@get(
    "/{vehicle_id:str}/timeline",
    guards=[web.requires(scopes.VEHICLES_READ)],
    responses=web.problems(VehicleNotFound, InvalidCursor),
)
async def list_vehicle_timeline(
    vehicle_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[Entry]:
    """List what happened with a vehicle, newest first: works, changes of hands, and what concerned its present owner."""
    if await vehicles.find_vehicle(tx, vehicle_id) is None:
        raise VehicleNotFound(vehicle=vehicle_id)
    keyset = web.Keyset(EntryPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, vehicle_id))
    return keyset.page(await queries.list_of_vehicle(tx, vehicle_id, after=keyset.after, limit=keyset.fetch))


CUSTOMER_TIMELINE = Router("/api/crm/v1/customers", route_handlers=[list_customer_timeline])
VEHICLE_TIMELINE = Router("/api/crm/v1/vehicles", route_handlers=[list_vehicle_timeline])
