"""Answering a conversation: read, think outside any transaction, write."""

from datetime import datetime
from uuid import UUID

import msgspec

from carbot_core import timers
from carbot_core.db import Tx
from carbot_core.timers import Due
from carbot_crm.chat import actions as chat
from carbot_crm.chat import queries as sessions
from carbot_crm.chat.models import Message, Session
from carbot_crm.leads import actions as leads
from carbot_crm.leads.models import NewLead
from carbot_crm.leads.queries import Origin
from carbot_crm.responder import queries
from carbot_crm.responder.models import Conversation, Knowledge, Reply, Responder, WantedLead
from carbot_crm.responder.wordings import WORDINGS


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be answered, as it was read."""

    session: Session
    history: list[Message]
    unanswered: list[Message]
    knowledge: Knowledge


async def read_turn(tx: Tx, session_id: UUID) -> Turn | None:
    """Read what the bot has to answer in a conversation, and lock it; None if nothing, or people answer."""
    session = await sessions.lock_session(tx, session_id)
    if session is None or session.status != "open":
        return None
    unanswered = await sessions.list_unanswered(tx, session_id, session.answered_to)
    if not unanswered:
        return None
    newest_first = await sessions.list_messages(tx, session_id, before=None, limit=50)
    history = [each for each in reversed(newest_first) if each.created_at < unanswered[0].created_at]
    knowledge = await queries.find_knowledge(tx, session.workshop_id, session.language)
    return Turn(session=session, history=history, unanswered=unanswered, knowledge=knowledge)


async def think(turn: Turn, responder: Responder) -> list[Reply]:
    """Return the answers, one for each message; one that hands over is the last."""
    replies: list[Reply] = []
    draft, history = turn.session.lead_draft, list(turn.history)
    for message in turn.unanswered:
        history.append(message)
        conversation = Conversation(
            session_id=turn.session.id, language=turn.session.language, draft=draft, history=list(history)
        )
        reply = await responder.respond(conversation, turn.knowledge)
        replies.append(reply)
        draft = reply.draft
        if reply.hands_over:
            break
    return replies


async def write_replies(tx: Tx, due: Due, turn: Turn, replies: list[Reply], *, now: datetime) -> None:
    """Store the answers with what follows from them, unless somebody else has answered in the meantime.

    The conversation is locked before its timer ends: whoever writes waits, or has written and is answered next.
    """
    session = await sessions.lock_session(tx, turn.session.id)
    if not await timers.finish(tx, due) or session is None or session.status != "open":
        return
    if session.answered_to == turn.session.answered_to:
        await _write(tx, session, turn, replies, now)
    after = await sessions.find_session(tx, session.id)
    if after is not None and await sessions.list_unanswered(tx, after.id, after.answered_to):
        await timers.start(tx, chat.REPLY, after.id, now)


async def _write(tx: Tx, session: Session, turn: Turn, replies: list[Reply], now: datetime) -> None:
    lead_id: UUID | None = None
    texts: list[str] = []
    hands_over = replies[-1].hands_over
    for reply in replies:
        text = reply.text
        if reply.lead is not None:
            taken = await _take_lead(tx, session, reply.lead, now)
            lead_id = taken or lead_id
            if taken is None:
                text, hands_over = WORDINGS[session.language].not_taken, True
        texts.append(text)
    answered_to = turn.unanswered[len(replies) - 1].created_at
    draft = replies[-1].draft
    answered = await sessions.mark_answered(
        tx, session.id, answered_to=answered_to, draft=draft, lead_id=lead_id, now=now
    )
    if lead_id is not None:
        await chat.announce(tx, answered)
    for text in texts:
        await chat.add_message(tx, session.id, "bot", text, now=now)
    if hands_over:
        await chat.change_status(tx, session.id, "handed_over", None, now=now)


async def _take_lead(tx: Tx, session: Session, wanted: WantedLead, now: datetime) -> UUID | None:
    """Take the lead, or return None where the workshop takes none any more."""
    new = NewLead(
        workshop_id=session.workshop_id,
        source="widget",
        name=wanted.name,
        phone=wanted.phone,
        request=wanted.request,
        vehicle=wanted.vehicle,
        language=session.language,
    )
    origin = Origin(
        source_url=session.page_url,
        client_key=session.client_key,
        consent_text_version=session.consent_text_version,
        consent_communication=session.consent_communication,
    )
    try:
        return (await leads.take_lead(tx, new, origin, now)).id
    except leads.WorkshopNotFound:
        return None
