"""Customers who may be one, over HTTP."""

from uuid import UUID

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.web.pages import InvalidCursor
from carbot_crm.customers.actions import CustomerNotFound
from carbot_crm.duplicates import actions, queries
from carbot_crm.duplicates.actions import PairNotFound
from carbot_crm.duplicates.models import Dismissal, Duplicates, Pair, PairPosition

READ = [web.requires(scopes.CUSTOMERS_READ)]
WRITE = [web.requires(scopes.CUSTOMERS_WRITE)]


@get("/{customer_id:str}/duplicates", guards=READ, responses=web.problems(CustomerNotFound))
async def find_duplicates(customer_id: FromPath[UUID], tx: web.Tx) -> Duplicates:
    """Find who may be the same as a customer, with the reasons, the most alike first."""
    return await actions.find_duplicates(tx, customer_id)


@get("/", guards=READ, responses=web.problems(InvalidCursor))
async def list_duplicates(
    tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[Pair]:
    """List the pairs that were found alike last night, the most alike first."""
    keyset = web.Keyset(PairPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id,))
    return keyset.page(await queries.list_duplicates(tx, after=keyset.after, limit=keyset.fetch))


@post("/dismiss", status_code=204, guards=WRITE, responses=web.problems(PairNotFound))
async def dismiss(data: JSONBody[Dismissal], tx: web.Tx, now: web.Now) -> None:
    """Say that two are not the same: the pair is not shown again."""
    await actions.dismiss(tx, data.first_id, data.second_id, now)


DUPLICATES = Router("/api/crm/v1/duplicates", route_handlers=[list_duplicates, dismiss])
DUPLICATES_OF_CUSTOMER = Router("/api/crm/v1/customers", route_handlers=[find_duplicates])
