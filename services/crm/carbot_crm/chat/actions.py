"""What can be done in a conversation, and what must not."""

from datetime import datetime, timedelta
from uuid import UUID

from carbot_contracts.crm import ChatAuthor, ChatMessageAdded, ChatSessionChanged, ChatStatus
from carbot_core import outbox, timers
from carbot_core.auth.principal import Principal
from carbot_core.credentials import Credential
from carbot_core.db import Tx
from carbot_core.errors import Conflict, FieldError, Unauthorized
from carbot_core.ids import new_id
from carbot_crm.chat import queries
from carbot_crm.chat.models import Message, NewSession, OpenedSession, Session
from carbot_crm.chat.wordings import AI_NOTICE_VERSION, AI_NOTICES
from carbot_crm.leads.actions import ConsentMissing, WorkshopNotFound

PREFIX = "cs"
REPLY = "chat_reply"
"""The timer that lets the bot answer; its key is the conversation."""
SILENCE = timedelta(hours=24)
"""After so long without a message the token opens nothing any more."""
LONGEST_STREAM = timedelta(hours=1)


class ChatSessionNotValid(Unauthorized):
    """The conversation's token is missing, unknown, or its conversation is over: open a new one."""


class ChatSessionClosed(Conflict):
    """The conversation is closed: open a new one."""


async def open_session(tx: Tx, workshop_id: UUID, client_key: UUID, new: NewSession, *, now: datetime) -> OpenedSession:
    """Open a conversation for a visitor who consents; raise ConsentMissing, WorkshopNotFound."""
    if not new.consent.data_processing:
        raise ConsentMissing(errors=(FieldError("/consent/data_processing", ConsentMissing.sentence()),))
    credential = Credential.mint(PREFIX, tx.organization_id, new_id())
    opening = queries.Opening(
        session_id=credential.id,
        client_key=client_key,
        token_hash=credential.hash(),
        notice_version=AI_NOTICE_VERSION,
    )
    session = await queries.insert_session(tx, workshop_id, new, opening, now=now)
    if session is None:
        raise WorkshopNotFound(workshop=workshop_id)
    await announce(tx, session)
    return OpenedSession(
        id=session.id,
        token=str(credential),
        language=session.language,
        ai_notice=AI_NOTICES[session.language],
        ai_notice_version=AI_NOTICE_VERSION,
        created_at=session.created_at,
    )


async def prove_session(tx: Tx, workshop_id: UUID, token: str | None, *, now: datetime) -> Session:
    """Return the conversation that the token is of; raise ChatSessionNotValid."""
    credential = Credential.parse(token or "", PREFIX)
    if credential is None or credential.organization_id != tx.organization_id:
        raise ChatSessionNotValid(reason="form")
    session = await queries.find_session(tx, credential.id)
    if (
        session is None
        or not credential.proves(session.token_hash)
        or session.workshop_id != workshop_id
        or session.last_message_at + SILENCE <= now
    ):
        raise ChatSessionNotValid(reason="unknown or over")
    return session


async def take_visitor_message(tx: Tx, session_id: UUID, text: str, *, now: datetime) -> Message:
    """Store what the visitor wrote, and let the bot answer unless people do; raise ChatSessionClosed."""
    session, message = await add_message(tx, session_id, "visitor", text, now=now)
    if session.status == "open":
        await timers.start(tx, REPLY, session_id, now)
    return message


async def add_message(
    tx: Tx, session_id: UUID, author: ChatAuthor, text: str, *, now: datetime, author_id: UUID | None = None
) -> tuple[Session, Message]:
    """Store a message and announce it; raise ChatSessionClosed."""
    session = await queries.mark_written(tx, session_id, now)
    if session is None:
        raise ChatSessionClosed(session=session_id)
    message = await queries.insert_message(tx, session_id, author, author_id, text)
    event = ChatMessageAdded(
        session_id=session.id,
        workshop_id=session.workshop_id,
        message_id=message.id,
        author=author,
        created_at=message.created_at,
    )
    await outbox.add(tx, event, version=session.revision)
    return session, message


async def change_status(
    tx: Tx, session_id: UUID, status: ChatStatus, assigned_to: UUID | None, *, now: datetime
) -> Session:
    """Store who answers a conversation that was locked, and announce it."""
    session = await queries.mark_status(tx, session_id, status, assigned_to, now=now)
    await announce(tx, session)
    return session


async def announce(tx: Tx, session: Session) -> None:
    """Announce how a conversation is now."""
    event = ChatSessionChanged(
        session_id=session.id,
        workshop_id=session.workshop_id,
        language=session.language,
        status=session.status,
        assigned_to=session.assigned_to,
        lead_id=session.lead_id,
        created_at=session.created_at,
    )
    await outbox.add(tx, event, version=session.revision)


async def keep_as_letter(tx: Tx, lead_id: UUID, *, now: datetime) -> int:
    """Keep the conversations that led to a deal as trade letters (section 257 HGB, 147 AO: six years); return how many are new."""
    return await queries.mark_letters(tx, lead_id, now)


def visitor_principal(session: Session, organization_id: UUID, key_id: UUID, now: datetime) -> Principal:
    """Return the visitor as a stream knows one: by the publishable key, whose revocation ends the stream."""
    return Principal(
        kind="api_key",
        id=key_id,
        organization_id=organization_id,
        role="guest",
        scopes=frozenset(),
        workshops=frozenset({session.workshop_id}),
        session_id=None,
        issued_at=now,
        expires_at=min(now + LONGEST_STREAM, session.last_message_at + SILENCE),
    )
