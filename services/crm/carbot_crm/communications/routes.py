"""Communications over HTTP."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.credentials import Credential
from carbot_core.errors import PreconditionFailed
from carbot_core.web.pages import InvalidCursor
from carbot_crm.communications import actions, queries
from carbot_crm.communications.actions import (
    CommunicationNotFound,
    ContentMissing,
    InvalidMoment,
    NotScheduled,
    UnsubscribeLinkNotValid,
)
from carbot_crm.communications.models import (
    Communication,
    CommunicationPosition,
    NewCommunication,
    NewTouchpoint,
    Status,
    Unsubscription,
)
from carbot_crm.dependencies import PROVIDERS, Keys
from carbot_crm.send_gate import actions as send_gate
from carbot_crm.send_gate.actions import CustomerNotFound

READ = [web.requires(scopes.COMMUNICATIONS_READ)]
WRITE = [web.requires(scopes.COMMUNICATIONS_WRITE)]

Token = FromQuery[Annotated[str, QueryParameter(max_length=200, description="The token of the link in a mail")]]


@get("/communications", guards=READ, responses=web.problems(InvalidCursor))
async def list_communications(
    tx: web.Tx,
    caller: web.Caller,
    status: FromQuery[Annotated[Status | None, QueryParameter(description="Only these, such as refused")]] = None,
    limit: web.Limit = 50,
    cursor: web.Cursor = None,
) -> web.Page[Communication]:
    """List touchpoints with all customers, newest first; of what was refused, the reason."""
    keyset = web.Keyset(
        CommunicationPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, "all", status)
    )
    return keyset.page(await queries.list_communications(tx, status=status, after=keyset.after, limit=keyset.fetch))


@get("/communications/{communication_id:str}", guards=READ, responses=web.problems(CommunicationNotFound))
async def read_communication(communication_id: FromPath[UUID], tx: web.Tx) -> Communication:
    """Read a touchpoint."""
    return await actions.read_communication(tx, communication_id)


@post(
    "/communications/{communication_id:str}/cancel",
    status_code=200,
    guards=WRITE,
    responses=web.problems(CommunicationNotFound, PreconditionFailed, NotScheduled),
)
async def cancel_communication(
    communication_id: FromPath[UUID], optional_revision: web.OptionalIfMatch, tx: web.Tx, now: web.Now
) -> Communication:
    """Take a message back before it is sent."""
    return await actions.cancel_message(tx, communication_id, optional_revision, now)


@get(
    "/customers/{customer_id:str}/communications",
    guards=READ,
    responses=web.problems(CustomerNotFound, InvalidCursor),
)
async def list_customer_communications(
    customer_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[Communication]:
    """List the touchpoints with a customer, newest first."""
    await send_gate.find_recipient(tx, customer_id)
    keyset = web.Keyset(
        CommunicationPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, customer_id)
    )
    return keyset.page(await queries.list_of_customer(tx, customer_id, after=keyset.after, limit=keyset.fetch))


@post(
    "/customers/{customer_id:str}/communications",
    guards=WRITE,
    responses=web.problems(CustomerNotFound, ContentMissing, InvalidMoment),
)
async def create_message(
    customer_id: FromPath[UUID], data: JSONBody[NewCommunication], tx: web.Tx, keys: Keys, now: web.Now
) -> Communication:
    """Write to a customer, now or later. The send gate decides when the message is due; what it refuses stays, with the reason."""
    return await actions.write_message(tx, keys, customer_id, data, now)


@post("/customers/{customer_id:str}/touchpoints", guards=WRITE, responses=web.problems(CustomerNotFound))
async def create_touchpoint(
    customer_id: FromPath[UUID], data: JSONBody[NewTouchpoint], tx: web.Tx, now: web.Now
) -> Communication:
    """Note a call, a letter or a visit. Nothing is sent."""
    return await actions.note_touchpoint(tx, customer_id, data, now)


@get("/unsubscribe", responses=web.problems(UnsubscribeLinkNotValid))
async def read_unsubscription(token: Token, db: web.Db, keys: Keys, origin: web.Origin) -> Unsubscription:
    """Read whether the address that a mail went to gets advertising of its sender. Nothing changes: programs open links, too."""
    link = _read_link(keys, token)
    context = origin.context(organization_id=link.organization_id, actor="guest", actor_id=link.id)
    async with db.transaction(context, read_only=True) as tx:
        return await actions.read_unsubscription(tx, keys, link.id)


@post("/unsubscribe", status_code=200, responses=web.problems(UnsubscribeLinkNotValid))
async def unsubscribe(token: Token, db: web.Db, keys: Keys, origin: web.Origin, now: web.Now) -> Unsubscription:
    """Get no more advertising at the address that a mail went to, with one click (RFC 8058); again is as good as once."""
    link = _read_link(keys, token)
    context = origin.context(organization_id=link.organization_id, actor="guest", actor_id=link.id)
    async with db.transaction(context) as tx:
        return await actions.unsubscribe(tx, keys, link.id, now)


def _read_link(keys: Keys, token: str) -> Credential:
    link = keys.read_unsubscribe_link(token)
    if link is None:
        raise UnsubscribeLinkNotValid(reason="form")
    return link


COMMUNICATIONS = Router(
    "/api/crm/v1",
    route_handlers=[
        list_communications,
        read_communication,
        cancel_communication,
        list_customer_communications,
        create_message,
        create_touchpoint,
    ],
    dependencies=PROVIDERS,
)
PUBLIC_UNSUBSCRIBE = Router(
    "/api/crm/v1/public", route_handlers=[read_unsubscription, unsubscribe], dependencies=PROVIDERS
)
