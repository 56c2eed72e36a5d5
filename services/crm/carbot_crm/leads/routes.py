"""Leads over HTTP."""

from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from carbot_contracts import scopes
from carbot_contracts.crm import LeadStatus
from carbot_core import web
from carbot_core.auth.guests import GUEST, AsGuest, OriginNotAllowed, PublishableKeyNotValid
from carbot_core.errors import PreconditionFailed, PreconditionRequired
from carbot_core.fields import InvalidPhone
from carbot_core.web.pages import InvalidCursor
from carbot_crm.customers.actions import CustomerNotFound
from carbot_crm.due.actions import VehicleNotFound
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
    Conversion,
    HotPosition,
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
    Spam,
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


@get("/hot", guards=READ, responses=web.problems(InvalidCursor))
async def list_hot_leads(
    tx: web.Tx,
    caller: web.Caller,
    workshop_id: FromQuery[Annotated[UUID, QueryParameter(description="Of this workshop")]],
    limit: web.Limit = 50,
    cursor: web.Cursor = None,
) -> web.Page[Lead]:
    """List the open leads of a workshop that score 70 or more, the best first."""
    keyset = web.Keyset(HotPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, workshop_id))
    return keyset.page(await queries.list_hot_leads(tx, workshop_id, after=keyset.after, limit=keyset.fetch))


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


@post("/{lead_id:str}/spam", status_code=200, guards=WRITE, responses=STEP_PROBLEMS)
async def mark_spam(
    lead_id: FromPath[UUID], optional_revision: web.OptionalIfMatch, data: JSONBody[Spam], tx: web.Tx, now: web.Now
) -> Lead:
    """Put a lead aside that nobody meant."""
    return await actions.advance_lead(tx, lead_id, optional_revision, "spam", data.note, now=now)


@post(
    "/{lead_id:str}/convert",
    status_code=200,
    guards=[web.requires(scopes.LEADS_WRITE), web.requires(scopes.CUSTOMERS_WRITE)],
    responses={**STEP_PROBLEMS, **web.problems(LeadNotFound, CustomerNotFound, VehicleNotFound)},
)
async def convert_lead(
    lead_id: FromPath[UUID],
    optional_revision: web.OptionalIfMatch,
    data: JSONBody[Conversion],
    tx: web.Tx,
    now: web.Now,
) -> Lead:
    """Make a customer of a lead, or link a known one; and a vehicle, if you name one."""
    return await actions.convert_lead(tx, lead_id, optional_revision, data, now=now)


@delete(
    "/{lead_id:str}",
    guards=WRITE,
    responses=web.problems(LeadNotFound, PreconditionFailed, PreconditionRequired),
)
async def delete_lead(lead_id: FromPath[UUID], revision: web.IfMatch, tx: web.Tx) -> None:
    """Delete a lead for good, with everything that was noted of it."""
    await actions.delete_lead(tx, lead_id, revision)


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
        list_hot_leads,
        read_lead,
        edit_lead,
        assign_lead,
        contact_lead,
        qualify_lead,
        lose_lead,
        reopen_lead,
        mark_spam,
        convert_lead,
        delete_lead,
        list_interactions,
        create_interaction,
    ],
)
PUBLIC_LEADS = Router("/api/crm/v1/public/leads", route_handlers=[create_guest_lead], dependencies=GUEST)
