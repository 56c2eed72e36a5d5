"""Customers over HTTP."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.errors import PreconditionFailed, PreconditionRequired
from carbot_core.fields import InvalidPhone
from carbot_core.web.pages import InvalidCursor
from carbot_crm.customers import actions, queries
from carbot_crm.customers.actions import (
    CustomerMerged,
    CustomerNotFound,
    InvalidPostalCode,
    NameMissing,
    WorkshopNotFound,
)
from carbot_crm.customers.models import Customer, CustomerEdit, CustomerPosition, NewCustomer

READ = [web.requires(scopes.CUSTOMERS_READ)]
WRITE = [web.requires(scopes.CUSTOMERS_WRITE)]


@get("/", guards=READ, responses=web.problems(InvalidCursor))
async def list_customers(
    tx: web.Tx,
    caller: web.Caller,
    workshop_id: FromQuery[
        Annotated[UUID | None, QueryParameter(description="Only customers of this workshop")]
    ] = None,
    limit: web.Limit = 50,
    cursor: web.Cursor = None,
) -> web.Page[Customer]:
    """List customers, newest first; those that were merged into others are left out."""
    bound_to = (caller.organization_id, workshop_id)
    keyset = web.Keyset(CustomerPosition, limit=limit, cursor=cursor, bound_to=bound_to)
    return keyset.page(
        await queries.list_customers(tx, workshop_id=workshop_id, after=keyset.after, limit=keyset.fetch)
    )


@post("/", guards=WRITE, responses=web.problems(WorkshopNotFound, NameMissing, InvalidPhone, InvalidPostalCode))
async def create_customer(data: JSONBody[NewCustomer], tx: web.Tx, now: web.Now) -> Customer:
    """Take up a customer. One who is known already may be taken up again and merged later."""
    return await actions.create_customer(tx, data, "staff", now)


@get("/{customer_id:str}", guards=READ, responses=web.problems(CustomerNotFound))
async def read_customer(customer_id: FromPath[UUID], tx: web.Tx) -> Customer:
    """Read a customer."""
    customer = await queries.find_customer(tx, customer_id)
    if customer is None:
        raise CustomerNotFound(customer=customer_id)
    return customer


@patch(
    "/{customer_id:str}",
    guards=WRITE,
    responses=web.problems(
        CustomerNotFound,
        CustomerMerged,
        PreconditionFailed,
        PreconditionRequired,
        NameMissing,
        InvalidPhone,
        InvalidPostalCode,
    ),
)
async def edit_customer(
    customer_id: FromPath[UUID], revision: web.IfMatch, data: JSONBody[CustomerEdit], tx: web.Tx, now: web.Now
) -> Customer:
    """Change a customer that you have read: what is left out stays, null empties."""
    return await actions.edit_customer(tx, customer_id, revision, data, now=now)


CUSTOMERS = Router(
    "/api/crm/v1/customers", route_handlers=[list_customers, create_customer, read_customer, edit_customer]
)
