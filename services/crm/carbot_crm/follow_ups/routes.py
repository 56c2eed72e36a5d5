"""Follow-ups over HTTP."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.errors import PreconditionFailed, PreconditionRequired
from carbot_core.web.pages import InvalidCursor
from carbot_crm.follow_ups import actions, queries
from carbot_crm.follow_ups.actions import FollowUpNotFound, FollowUpOver, LeadClosed
from carbot_crm.follow_ups.models import (
    FollowUp,
    FollowUpEdit,
    FollowUpPosition,
    FollowUpStatus,
    Instant,
    NewFollowUp,
)
from carbot_crm.leads import queries as leads
from carbot_crm.leads.actions import AssigneeNotFound, LeadNotFound

READ = [web.requires(scopes.FOLLOW_UPS_READ)]
WRITE = [web.requires(scopes.FOLLOW_UPS_WRITE)]


@get("/", guards=READ, responses=web.problems(InvalidCursor))
async def list_follow_ups(
    tx: web.Tx,
    caller: web.Caller,
    status: FromQuery[Annotated[FollowUpStatus, QueryParameter(description="Only those in this status")]] = "open",
    assigned_to: FromQuery[Annotated[UUID | None, QueryParameter(description="Only those of this user")]] = None,
    due_before: FromQuery[Annotated[Instant | None, QueryParameter(description="Only those due before")]] = None,
    workshop_id: FromQuery[Annotated[UUID | None, QueryParameter(description="Only those of this workshop")]] = None,
    limit: web.Limit = 50,
    cursor: web.Cursor = None,
) -> web.Page[FollowUp]:
    """List what is to be done, or was, the soonest first."""
    bound_to = (caller.organization_id, "follow_ups", status, assigned_to, due_before, workshop_id)
    keyset = web.Keyset(FollowUpPosition, limit=limit, cursor=cursor, bound_to=bound_to)
    return keyset.page(
        await queries.list_follow_ups(
            tx,
            status=status,
            assigned_to=assigned_to,
            due_before=due_before,
            workshop_id=workshop_id,
            after=keyset.after,
            limit=keyset.fetch,
        )
    )


@get("/{follow_up_id:str}", guards=READ, responses=web.problems(FollowUpNotFound))
async def read_follow_up(follow_up_id: FromPath[UUID], tx: web.Tx) -> FollowUp:
    """Read a follow-up."""
    follow_up = await queries.find_follow_up(tx, follow_up_id)
    if follow_up is None:
        raise FollowUpNotFound(follow_up=follow_up_id)
    return follow_up


@patch(
    "/{follow_up_id:str}",
    guards=WRITE,
    responses=web.problems(FollowUpNotFound, PreconditionFailed, PreconditionRequired, FollowUpOver, AssigneeNotFound),
)
async def edit_follow_up(
    follow_up_id: FromPath[UUID], revision: web.IfMatch, data: JSONBody[FollowUpEdit], tx: web.Tx, now: web.Now
) -> FollowUp:
    """Change, put off or give to somebody an open follow-up that you have read: what is left out stays."""
    return await actions.edit_follow_up(tx, follow_up_id, revision, data, now=now)


@post(
    "/{follow_up_id:str}/complete",
    status_code=200,
    guards=WRITE,
    responses=web.problems(FollowUpNotFound, PreconditionFailed, FollowUpOver),
)
async def complete_follow_up(
    follow_up_id: FromPath[UUID], optional_revision: web.OptionalIfMatch, tx: web.Tx, now: web.Now
) -> FollowUp:
    """Note that it is done."""
    return await actions.complete_follow_up(tx, follow_up_id, optional_revision, now=now)


@get("/{lead_id:str}/follow-ups", guards=READ, responses=web.problems(LeadNotFound, InvalidCursor))
async def list_follow_ups_of_lead(
    lead_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[FollowUp]:
    """List what is to be done for a lead, and what was, the soonest first."""
    if await leads.find_lead(tx, lead_id) is None:
        raise LeadNotFound(lead=lead_id)
    bound_to = (caller.organization_id, "follow_ups", lead_id)
    keyset = web.Keyset(FollowUpPosition, limit=limit, cursor=cursor, bound_to=bound_to)
    return keyset.page(await queries.list_of_lead(tx, lead_id, after=keyset.after, limit=keyset.fetch))


@post("/{lead_id:str}/follow-ups", guards=WRITE, responses=web.problems(LeadNotFound, LeadClosed, AssigneeNotFound))
async def create_follow_up(lead_id: FromPath[UUID], data: JSONBody[NewFollowUp], tx: web.Tx, now: web.Now) -> FollowUp:
    """Note what is to be done for an open lead."""
    return await actions.create_follow_up(tx, lead_id, data, now)


FOLLOW_UPS = Router(
    "/api/crm/v1/follow-ups",
    route_handlers=[list_follow_ups, read_follow_up, edit_follow_up, complete_follow_up],
)
FOLLOW_UPS_OF_LEAD = Router("/api/crm/v1/leads", route_handlers=[list_follow_ups_of_lead, create_follow_up])
