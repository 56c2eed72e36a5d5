"""Chat over HTTP, for visitors of a workshop's page."""

from typing import Annotated

import msgspec
from litestar import Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery, HeaderParameter, JSONBody, QueryParameter, SkipValidation

from carbot_core import web
from carbot_core.auth.guests import GUEST, AsGuest, Guest, OriginNotAllowed, PublishableKeyNotValid
from carbot_core.web import tickets
from carbot_core.web.pages import InvalidCursor
from carbot_core.web.streams import EventStream, TooManyStreams
from carbot_core.web.tickets import StreamTicket, TicketNotValid
from carbot_crm.chat import actions, queries
from carbot_crm.chat.actions import ChatSessionClosed, ChatSessionNotValid
from carbot_crm.chat.models import Message, MessagePosition, NewMessage, NewSession, OpenedSession, Session
from carbot_crm.chat.tellers import tell_visitor
from carbot_crm.leads.actions import ConsentMissing, WorkshopNotFound

STREAM = "chat"
GUEST_PROBLEMS = (PublishableKeyNotValid, OriginNotAllowed)
VISITOR_PROBLEMS = (*GUEST_PROBLEMS, ChatSessionNotValid)
Ticket = FromQuery[Annotated[str, QueryParameter(max_length=200, description="A ticket that was not used yet")]]


class Visitor(msgspec.Struct, frozen=True):
    """A guest in a conversation."""

    guest: Guest
    session: Session


async def provide_visitor(
    guest: AsGuest,
    now: web.Now,
    token: Annotated[
        str | None, HeaderParameter(name="X-CarBot-Session", description="The token of the conversation")
    ] = None,
) -> Visitor:
    """Find the conversation under row security, and compare."""
    return Visitor(guest, await actions.prove_session(guest.tx, guest.workshop_id, token, now=now))


AsVisitor = NamedDependency[SkipValidation[Visitor]]
VISITOR = {**GUEST, "visitor": Provide(provide_visitor)}


@post("/sessions", responses=web.problems(*GUEST_PROBLEMS, ConsentMissing, WorkshopNotFound))
async def open_chat_session(data: JSONBody[NewSession], guest: AsGuest, now: web.Now) -> OpenedSession:
    """Open a conversation. Show `ai_notice` before the visitor can write; the token is shown this once."""
    return await actions.open_session(guest.tx, guest.workshop_id, guest.key_id, data, now=now)


@get("/messages", responses=web.problems(*VISITOR_PROBLEMS, InvalidCursor))
async def list_chat_messages(visitor: AsVisitor, limit: web.Limit = 50, cursor: web.Cursor = None) -> web.Page[Message]:
    """List the conversation's messages, newest first. With a stream: open it first, then read, and drop what you have."""
    session_id = visitor.session.id
    keyset = web.Keyset(MessagePosition, limit=limit, cursor=cursor, bound_to=(session_id,))
    return keyset.page(
        await queries.list_messages(visitor.guest.tx, session_id, before=keyset.after, limit=keyset.fetch)
    )


@post("/messages", responses=web.problems(*VISITOR_PROBLEMS, ChatSessionClosed))
async def write_chat_message(data: JSONBody[NewMessage], visitor: AsVisitor, now: web.Now) -> Message:
    """Write. The answer comes as a message of its own, within seconds from the bot, later from people."""
    return await actions.take_visitor_message(visitor.guest.tx, visitor.session.id, data.text, now=now)


@post("/stream-tickets", responses=web.problems(*VISITOR_PROBLEMS))
async def create_chat_stream_ticket(visitor: AsVisitor, now: web.Now) -> StreamTicket:
    """Get a ticket for the conversation's stream: good for half a minute, once."""
    tx, session = visitor.guest.tx, visitor.session
    principal = actions.visitor_principal(session, tx.organization_id, visitor.guest.key_id, now)
    return await tickets.issue(tx, STREAM, principal, session.id, now=now)


@get("/stream", media_type="text/event-stream", responses=web.problems(TicketNotValid, TooManyStreams))
async def stream_chat(ticket: Ticket, streams: web.OpenStreams) -> EventStream:
    """Follow the conversation: `message` is a message, `session` who answers, `missed` says to list again, `end` to come back with another ticket."""
    return await streams.follow(STREAM, ticket, tell_visitor)


PUBLIC_CHAT = Router(
    "/api/crm/v1/public/chat",
    route_handlers=[
        open_chat_session,
        list_chat_messages,
        write_chat_message,
        create_chat_stream_ticket,
        stream_chat,
    ],
    dependencies=VISITOR,
)
