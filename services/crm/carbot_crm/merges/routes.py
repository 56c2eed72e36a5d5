"""Merges over HTTP."""

from uuid import UUID

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.web.pages import InvalidCursor
from carbot_crm.customers import queries as customers
from carbot_crm.customers.actions import CustomerMerged, CustomerNotFound
from carbot_crm.merges import actions, queries
from carbot_crm.merges.actions import MergeNotFound, MergeTooOld, MergeUndone, MergeWithItself
from carbot_crm.merges.models import Merge, MergePosition, NewMerge

READ = [web.requires(scopes.CUSTOMERS_READ)]
WRITE = [web.requires(scopes.CUSTOMERS_WRITE)]


@post(
    "/{customer_id:str}/merge",
    guards=WRITE,
    responses=web.problems(CustomerNotFound, CustomerMerged, MergeWithItself),
)
async def merge(customer_id: FromPath[UUID], data: JSONBody[NewMerge], tx: web.Tx, now: web.Now) -> Merge:
    """Let another customer go on as this one: everything of the other moves here. Can be taken back for 30 days."""
    return await actions.merge(tx, customer_id, data.merged_id, now=now)


@get("/{customer_id:str}/merges", guards=READ, responses=web.problems(CustomerNotFound, InvalidCursor))
async def list_merges(
    customer_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[Merge]:
    """List who was merged into a customer, newest first."""
    if await customers.find_customer(tx, customer_id) is None:
        raise CustomerNotFound(customer=customer_id)
    keyset = web.Keyset(MergePosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, customer_id))
    return keyset.page(await queries.list_merges(tx, customer_id, after=keyset.after, limit=keyset.fetch))


@post(
    "/{merge_id:str}/undo",
    status_code=200,
    guards=WRITE,
    responses=web.problems(MergeNotFound, MergeUndone, MergeTooOld, CustomerMerged, CustomerNotFound),
)
async def undo_merge(merge_id: FromPath[UUID], tx: web.Tx, now: web.Now) -> Merge:
    """Take a merge back. What has come to the survivor since stays there."""
    return await actions.undo(tx, merge_id, now=now)


MERGES = Router("/api/crm/v1/merges", route_handlers=[undo_merge])
MERGES_OF_CUSTOMER = Router("/api/crm/v1/customers", route_handlers=[merge, list_merges])
