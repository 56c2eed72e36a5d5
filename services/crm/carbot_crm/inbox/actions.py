"""What staff can do with a conversation, and what must not be."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

from carbot_contracts.crm import ChatStatus
from carbot_core.db import Tx
from carbot_core.errors import Conflict, NotFound, PreconditionFailed
from carbot_crm.chat import actions as chat
from carbot_crm.chat import queries as sessions
from carbot_crm.chat.models import Session
from carbot_crm.inbox import queries
from carbot_crm.inbox.models import InboxMessage, InboxSession

Step = Literal["take", "assign", "answer", "hand_back", "close"]

STEPS: Mapping[ChatStatus, Mapping[Step, ChatStatus]] = {
    "open": {"take": "handed_over", "assign": "handed_over", "close": "closed"},
    "handed_over": {
        "take": "handed_over",
        "assign": "handed_over",
        "answer": "handed_over",
        "hand_back": "open",
        "close": "closed",
    },
    "closed": {},
}
"""The state machine: from each status, the steps that are allowed and where they lead."""


class ChatSessionNotFound(NotFound):
    """There is no such conversation."""


class ChatAssigneeNotFound(NotFound):
    """There is no such member at the conversation's workshop."""


class WrongChatStep(Conflict):
    """The conversation's status does not allow this step: see allowed."""


class ChatTaken(Conflict):
    """A colleague has taken the conversation: let it be assigned to you."""


async def take_session(tx: Tx, session_id: UUID, revision: int | None, *, now: datetime) -> InboxSession:
    """Let the caller answer from now on, and the bot be silent; raise ChatSessionNotFound, WrongChatStep, ChatTaken."""
    session = await _locked(tx, session_id, revision)
    status = _next_status(session, "take")
    if session.assigned_to not in {None, tx.context.user_id}:
        raise ChatTaken(session=session_id)
    return await _changed(tx, session_id, status, tx.context.user_id, now)


async def assign_session(
    tx: Tx, session_id: UUID, revision: int | None, user_id: UUID, *, now: datetime
) -> InboxSession:
    """Let a member of its workshop answer; raise ChatSessionNotFound, WrongChatStep, ChatAssigneeNotFound."""
    session = await _locked(tx, session_id, revision)
    status = _next_status(session, "assign")
    if await queries.find_assignee(tx, user_id, session.workshop_id) is None:
        raise ChatAssigneeNotFound(session=session_id)
    return await _changed(tx, session_id, status, user_id, now)


async def hand_back_session(tx: Tx, session_id: UUID, revision: int | None, *, now: datetime) -> InboxSession:
    """Let the bot answer again; raise ChatSessionNotFound, WrongChatStep."""
    session = await _locked(tx, session_id, revision)
    return await _changed(tx, session_id, _next_status(session, "hand_back"), None, now)


async def close_session(tx: Tx, session_id: UUID, revision: int | None, *, now: datetime) -> InboxSession:
    """End a conversation; raise ChatSessionNotFound, WrongChatStep."""
    session = await _locked(tx, session_id, revision)
    return await _changed(tx, session_id, _next_status(session, "close"), session.assigned_to, now)


async def answer(tx: Tx, session_id: UUID, text: str, *, now: datetime) -> InboxMessage:
    """Write to the visitor; raise ChatSessionNotFound, WrongChatStep."""
    session = await _locked(tx, session_id, None)
    _next_status(session, "answer")
    author_id = tx.context.user_id
    _, message = await chat.add_message(tx, session_id, "staff", text, now=now, author_id=author_id)
    return InboxMessage(
        id=message.id,
        session_id=session_id,
        author=message.author,
        author_id=author_id,
        text=message.text,
        created_at=message.created_at,
    )


async def _locked(tx: Tx, session_id: UUID, revision: int | None) -> Session:
    session = await sessions.lock_session(tx, session_id)
    if session is None:
        raise ChatSessionNotFound(session=session_id)
    if revision is not None and revision != session.revision:
        raise PreconditionFailed(session=session_id)
    return session


def _next_status(session: Session, step: Step) -> ChatStatus:
    allowed = STEPS[session.status]
    if step not in allowed:
        raise WrongChatStep(public={"chat_status": session.status, "allowed": sorted(allowed)}, session=session.id)
    return allowed[step]


async def _changed(
    tx: Tx, session_id: UUID, status: ChatStatus, assigned_to: UUID | None, now: datetime
) -> InboxSession:
    await chat.change_status(tx, session_id, status, assigned_to, now=now)
    changed = await queries.find_session(tx, session_id)
    if changed is None:
        raise ChatSessionNotFound(session=session_id)
    return changed
