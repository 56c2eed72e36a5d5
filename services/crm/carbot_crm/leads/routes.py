"""Leads over HTTP."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from carbot_contracts import scopes
from carbot_contracts.crm import LeadStatus
from carbot_core import web
from carbot_core.auth.guests import GUEST, AsGuest, OriginNotAllowed, PublishableKeyNotValid
from carbot_core.errors import PreconditionFailed, PreconditionRequired
from carbot_core.fields import InvalidPhone
from carbot_core.web.pages import InvalidCursor
from carbot_crm.leads import actions, queries
from carbot_crm.leads.actions import (
    AssigneeNotFound,
    ConsentMissing,
    ContactMissing,
    LeadAlreadyOpen,
    LeadNotFound,
    WorkshopNotFound,
    WrongStep,
)
from carbot_crm.leads.models import (
    Assignment,
    Contact,
    Interaction,
    Lead,
    LeadEdit,
    LeadPosition,
    Loss,
    NewGuestLead,
    NewInteraction,
    NewLead,
    Qualification,
    Reopening,
    TakenLead,
)

READ = [web.requires(scopes.LEADS_READ)]
WRITE = [web.requires(scopes.LEADS_WRITE)]
STEP_PROBLEMS = web.problems(LeadNotFound, WrongStep, LeadAlreadyOpen, PreconditionFailed)


@get("/", guards=READ, responses=web.problems(InvalidCursor))
async def list_leads(
    tx: web.Tx,
    caller: web.Caller,
    status: FromQuery[Annotated[LeadStatus | None, QueryParameter(description="Only leads in this status")]] = None,
    workshop_id: FromQuery[Annotated[UUID | None, QueryParameter(description="Only leads of this workshop")]] = None,
    assigned_to: FromQuery[Annotated[UUID | None, QueryParameter(description="Only leads of this user")]] = None,
    limit: web.Limit = 50,
    cursor: web.Cursor = None,
) -> web.Page[Lead]:
    """List leads, newest first."""
    bound_to = (caller.organization_id, status, workshop_id, assigned_to)
    keyset = web.Keyset(LeadPosition, limit=limit, cursor=cursor, bound_to=bound_to)
    return keyset.page(
        await queries.list_leads(
            tx,
            status=status,
            workshop_id=workshop_id,
            assigned_to=assigned_to,
            after=keyset.after,
            limit=keyset.fetch,
        )
    )


@post("/", guards=WRITE, responses=web.problems(WorkshopNotFound, ContactMissing, InvalidPhone))
async def create_lead(data: JSONBody[NewLead], tx: web.Tx, now: web.Now) -> Lead:
    """Take a lead. A telephone number that has an open lead at the workshop is added to it."""
    return await actions.take_lead(tx, data, queries.Origin(), now)


@get("/{lead_id:str}", guards=READ, responses=web.problems(LeadNotFound))
async def read_lead(lead_id: FromPath[UUID], tx: web.Tx) -> Lead:
    """Read a lead."""
    lead = await queries.find_lead(tx, lead_id)
    if lead is None:
        raise LeadNotFound(lead=lead_id)
    return lead


@patch(
    "/{lead_id:str}",
    guards=WRITE,
    responses=web.problems(
        LeadNotFound, PreconditionFailed, PreconditionRequired, LeadAlreadyOpen, ContactMissing, InvalidPhone
    ),
)
async def edit_lead(
    lead_id: FromPath[UUID], revision: web.IfMatch, data: JSONBody[LeadEdit], tx: web.Tx, now: web.Now
) -> Lead:
    """Change a lead that you have read: what is left out stays, null empties."""
    return await actions.edit_lead(tx, lead_id, revision, data, now=now)


@post(
    "/{lead_id:str}/assign",
    status_code=200,
    guards=WRITE,
    responses={**STEP_PROBLEMS, **web.problems(LeadNotFound, AssigneeNotFound)},
)
async def assign_lead(
    lead_id: FromPath[UUID],
    optional_revision: web.OptionalIfMatch,
    data: JSONBody[Assignment],
    tx: web.Tx,
    now: web.Now,
) -> Lead:
    """Give a lead to a member of its workshop."""
    return await actions.assign_lead(tx, lead_id, optional_revision, data.user_id, now=now)


@post("/{lead_id:str}/contact", status_code=200, guards=WRITE, responses=STEP_PROBLEMS)
async def contact_lead(
    lead_id: FromPath[UUID], optional_revision: web.OptionalIfMatch, data: JSONBody[Contact], tx: web.Tx, now: web.Now
) -> Lead:
    """Note that the person was reached."""
    return await actions.advance_lead(tx, lead_id, optional_revision, "contact", data.note, now=now)


@post("/{lead_id:str}/qualify", status_code=200, guards=WRITE, responses=STEP_PROBLEMS)
async def qualify_lead(
    lead_id: FromPath[UUID],
    optional_revision: web.OptionalIfMatch,
    data: JSONBody[Qualification],
    tx: web.Tx,
    now: web.Now,
) -> Lead:
    """Note that the person wants something that the workshop does."""
    return await actions.advance_lead(tx, lead_id, optional_revision, "qualify", data.note, now=now)


@post("/{lead_id:str}/lose", status_code=200, guards=WRITE, responses=STEP_PROBLEMS)
async def lose_lead(
    lead_id: FromPath[UUID], optional_revision: web.OptionalIfMatch, data: JSONBody[Loss], tx: web.Tx, now: web.Now
) -> Lead:
    """Give a lead up, with the reason."""
    return await actions.advance_lead(tx, lead_id, optional_revision, "lose", data.reason, now=now)


@post("/{lead_id:str}/reopen", status_code=200, guards=WRITE, responses=STEP_PROBLEMS)
async def reopen_lead(
    lead_id: FromPath[UUID], optional_revision: web.OptionalIfMatch, data: JSONBody[Reopening], tx: web.Tx, now: web.Now
) -> Lead:
    """Take up a lead that was given up."""
    return await actions.advance_lead(tx, lead_id, optional_revision, "reopen", data.note, now=now)


@get("/{lead_id:str}/interactions", guards=READ, responses=web.problems(LeadNotFound, InvalidCursor))
async def list_interactions(
    lead_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[Interaction]:
    """List what happened with a lead, newest first."""
    if await queries.find_lead(tx, lead_id) is None:
        raise LeadNotFound(lead=lead_id)
    keyset = web.Keyset(LeadPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, lead_id))
    return keyset.page(await queries.list_interactions(tx, lead_id, after=keyset.after, limit=keyset.fetch))


@post("/{lead_id:str}/interactions", guards=WRITE, responses=web.problems(LeadNotFound))
async def create_interaction(
    lead_id: FromPath[UUID], data: JSONBody[NewInteraction], tx: web.Tx, now: web.Now
) -> Interaction:
    """Note a call, a mail or a thought."""
    return await actions.note_interaction(tx, lead_id, data, now=now)


@post("/", responses=web.problems(PublishableKeyNotValid, OriginNotAllowed, ConsentMissing, InvalidPhone))
async def create_guest_lead(data: JSONBody[NewGuestLead], guest: AsGuest, now: web.Now) -> TakenLead:
    """Take a lead from a form on the workshop's own page; the publishable key names the workshop."""
    return TakenLead(await actions.take_guest_lead(guest.tx, guest.workshop_id, guest.key_id, data, now=now))


LEADS = Router(
    "/api/crm/v1/leads",
    route_handlers=[
        list_leads,
        create_lead,
        read_lead,
        edit_lead,
        assign_lead,
        contact_lead,
        qualify_lead,
        lose_lead,
        reopen_lead,
        list_interactions,
        create_interaction,
    ],
)
PUBLIC_LEADS = Router("/api/crm/v1/public/leads", route_handlers=[create_guest_lead], dependencies=GUEST)
