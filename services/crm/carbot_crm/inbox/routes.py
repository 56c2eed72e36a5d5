"""The inbox over HTTP."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from carbot_contracts import scopes
from carbot_contracts.crm import ChatStatus
from carbot_core import web
from carbot_core.errors import PreconditionFailed
from carbot_core.web import tickets
from carbot_core.web.pages import InvalidCursor
from carbot_core.web.streams import EventStream, TooManyStreams
from carbot_core.web.tickets import StreamTicket, TicketNotValid
from carbot_crm.chat.models import MessagePosition
from carbot_crm.inbox import actions, queries
from carbot_crm.inbox.actions import ChatAssigneeNotFound, ChatSessionNotFound, ChatTaken, WrongChatStep
from carbot_crm.inbox.models import ChatAssignment, InboxMessage, InboxPosition, InboxSession, NewAnswer
from carbot_crm.inbox.tellers import tell_staff

STREAM = "inbox"
READ = [web.requires(scopes.CHAT_READ)]
READ_WHILE_SUSPENDED = [web.requires(scopes.CHAT_READ, while_suspended=True)]
WRITE = [web.requires(scopes.CHAT_WRITE)]
STEP_PROBLEMS = web.problems(ChatSessionNotFound, WrongChatStep, PreconditionFailed)


@get("/", guards=READ, responses=web.problems(InvalidCursor))
async def list_inbox(
    tx: web.Tx,
    caller: web.Caller,
    status: FromQuery[Annotated[ChatStatus | None, QueryParameter(description="Only those in this status")]] = None,
    workshop_id: FromQuery[Annotated[UUID | None, QueryParameter(description="Only those of this workshop")]] = None,
    assigned_to: FromQuery[Annotated[UUID | None, QueryParameter(description="Only those of this user")]] = None,
    limit: web.Limit = 50,
    cursor: web.Cursor = None,
) -> web.Page[InboxSession]:
    """List conversations, the one that was last written in first."""
    bound_to = (caller.organization_id, status, workshop_id, assigned_to)
    keyset = web.Keyset(InboxPosition, limit=limit, cursor=cursor, bound_to=bound_to)
    return keyset.page(
        await queries.list_sessions(
            tx,
            status=status,
            workshop_id=workshop_id,
            assigned_to=assigned_to,
            after=keyset.after,
            limit=keyset.fetch,
        )
    )


@get("/{session_id:str}", guards=READ, responses=web.problems(ChatSessionNotFound))
async def read_inbox_session(session_id: FromPath[UUID], tx: web.Tx) -> InboxSession:
    """Read a conversation's state."""
    session = await queries.find_session(tx, session_id)
    if session is None:
        raise ChatSessionNotFound(session=session_id)
    return session


@get("/{session_id:str}/messages", guards=READ, responses=web.problems(ChatSessionNotFound, InvalidCursor))
async def list_inbox_messages(
    session_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[InboxMessage]:
    """List what was written in a conversation, newest first."""
    if await queries.find_session(tx, session_id) is None:
        raise ChatSessionNotFound(session=session_id)
    keyset = web.Keyset(MessagePosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, session_id))
    return keyset.page(await queries.list_messages(tx, session_id, before=keyset.after, limit=keyset.fetch))


@post("/{session_id:str}/messages", guards=WRITE, responses=web.problems(ChatSessionNotFound, WrongChatStep))
async def answer_visitor(
    session_id: FromPath[UUID], data: JSONBody[NewAnswer], tx: web.Tx, now: web.Now
) -> InboxMessage:
    """Write to the visitor of a conversation that people have taken."""
    return await actions.answer(tx, session_id, data.text, now=now)


@post(
    "/{session_id:str}/take",
    status_code=200,
    guards=WRITE,
    responses=web.problems(ChatSessionNotFound, WrongChatStep, ChatTaken, PreconditionFailed),
)
async def take_inbox_session(
    session_id: FromPath[UUID], optional_revision: web.OptionalIfMatch, tx: web.Tx, now: web.Now
) -> InboxSession:
    """Take a conversation: from now on you answer, and the bot is silent."""
    return await actions.take_session(tx, session_id, optional_revision, now=now)


@post(
    "/{session_id:str}/assign",
    status_code=200,
    guards=WRITE,
    responses=web.problems(ChatSessionNotFound, ChatAssigneeNotFound, WrongChatStep, PreconditionFailed),
)
async def assign_inbox_session(
    session_id: FromPath[UUID],
    optional_revision: web.OptionalIfMatch,
    data: JSONBody[ChatAssignment],
    tx: web.Tx,
    now: web.Now,
) -> InboxSession:
    """Let a member of its workshop answer a conversation."""
    return await actions.assign_session(tx, session_id, optional_revision, data.user_id, now=now)


@post("/{session_id:str}/hand-back", status_code=200, guards=WRITE, responses=STEP_PROBLEMS)
async def hand_back_inbox_session(
    session_id: FromPath[UUID], optional_revision: web.OptionalIfMatch, tx: web.Tx, now: web.Now
) -> InboxSession:
    """Let the bot answer again, from the next message on."""
    return await actions.hand_back_session(tx, session_id, optional_revision, now=now)


@post("/{session_id:str}/close", status_code=200, guards=WRITE, responses=STEP_PROBLEMS)
async def close_inbox_session(
    session_id: FromPath[UUID], optional_revision: web.OptionalIfMatch, tx: web.Tx, now: web.Now
) -> InboxSession:
    """End a conversation."""
    return await actions.close_session(tx, session_id, optional_revision, now=now)


@post("/stream-tickets", guards=READ_WHILE_SUSPENDED)
async def create_inbox_stream_ticket(tx: web.Tx, caller: web.Caller, now: web.Now) -> StreamTicket:
    """Get a ticket for the inbox's stream: good for half a minute, once."""
    return await tickets.issue(tx, STREAM, caller, None, now=now)


@get("/stream", media_type="text/event-stream", responses=web.problems(TicketNotValid, TooManyStreams))
async def stream_inbox(
    ticket: FromQuery[Annotated[str, QueryParameter(max_length=200, description="A ticket that was not used yet")]],
    streams: web.OpenStreams,
) -> EventStream:
    """Follow the inbox: `message` is a message, `session` a conversation that changed, `missed` says to list again, `end` to come back with another ticket."""
    return await streams.follow(STREAM, ticket, tell_staff)


INBOX = Router(
    "/api/crm/v1/inbox",
    route_handlers=[
        list_inbox,
        create_inbox_stream_ticket,
        stream_inbox,
        read_inbox_session,
        list_inbox_messages,
        answer_visitor,
        take_inbox_session,
        assign_inbox_session,
        hand_back_inbox_session,
        close_inbox_session,
    ],
)
