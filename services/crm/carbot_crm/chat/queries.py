"""Conversations and messages in SQL."""

from datetime import datetime
from uuid import UUID

import msgspec

from carbot_contracts.crm import ChatAuthor, ChatStatus
from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_crm.chat.models import LeadDraft, Message, MessagePosition, NewSession, Session


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What else is kept of how a conversation began."""

    session_id: UUID
    client_key: UUID
    token_hash: str
    notice_version: str


async def insert_session(
    tx: Tx, workshop_id: UUID, new: NewSession, opening: Opening, *, now: datetime
) -> Session | None:
    """Insert a conversation, or return None if the workshop takes none."""
    return await tx.first(
        Session,
        """
        INSERT INTO crm.chat_sessions
            (organization_id, id, workshop_id, language, client_key, token_hash, page_url, consent_text_version,
            consent_communication, consent_analytics, consent_at, notice_version, answered_to, last_message_at,
            created_at, updated_at)
        SELECT w.organization_id, $2, w.id, $4, $5, $6, $7, $8, $9, $10, $12, $11, $12, $12, $12, $12
        FROM crm.workshops w
        WHERE w.organization_id = $1 AND w.id = $3 AND w.is_active
        RETURNING id, workshop_id, language, status, assigned_to, lead_id, client_key, token_hash, page_url,
            consent_text_version, consent_communication, lead_draft, answered_to, last_message_at, created_at, revision
        """,
        tx.organization_id,
        opening.session_id,
        workshop_id,
        new.language,
        opening.client_key,
        opening.token_hash,
        new.page_url,
        new.consent.text_version,
        new.consent.communication,
        new.consent.analytics,
        opening.notice_version,
        now,
    )


async def find_session(tx: Tx, session_id: UUID) -> Session | None:
    return await tx.first(
        Session,
        """
        SELECT id, workshop_id, language, status, assigned_to, lead_id, client_key, token_hash, page_url,
            consent_text_version, consent_communication, lead_draft, answered_to, last_message_at, created_at, revision
        FROM crm.chat_sessions
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        session_id,
    )


async def lock_session(tx: Tx, session_id: UUID) -> Session | None:
    """Find a conversation and keep others from changing it until the transaction ends."""
    return await tx.first(
        Session,
        """
        SELECT id, workshop_id, language, status, assigned_to, lead_id, client_key, token_hash, page_url,
            consent_text_version, consent_communication, lead_draft, answered_to, last_message_at, created_at, revision
        FROM crm.chat_sessions
        WHERE organization_id = $1 AND id = $2
        FOR UPDATE
        """,
        tx.organization_id,
        session_id,
    )


async def mark_written(tx: Tx, session_id: UUID, now: datetime) -> Session | None:
    """Note that somebody writes, or return None where nobody may; each message's time is later than the one before."""
    return await tx.first(
        Session,
        """
        UPDATE crm.chat_sessions
        SET last_message_at = GREATEST($3, last_message_at + interval '1 microsecond'), updated_at = $3,
            revision = revision + 1
        WHERE organization_id = $1 AND id = $2 AND status <> 'closed'
        RETURNING id, workshop_id, language, status, assigned_to, lead_id, client_key, token_hash, page_url,
            consent_text_version, consent_communication, lead_draft, answered_to, last_message_at, created_at, revision
        """,
        tx.organization_id,
        session_id,
        now,
    )


async def insert_message(tx: Tx, session_id: UUID, author: ChatAuthor, author_id: UUID | None, text: str) -> Message:
    """Insert a message into the conversation that was just marked as written in."""
    return await tx.one(
        Message,
        """
        INSERT INTO crm.chat_messages (organization_id, id, session_id, workshop_id, author, author_id, text, created_at)
        SELECT s.organization_id, $2, s.id, s.workshop_id, $4, $5, $6, s.last_message_at
        FROM crm.chat_sessions s
        WHERE s.organization_id = $1 AND s.id = $3
        RETURNING id, author, text, created_at
        """,
        tx.organization_id,
        new_id(),
        session_id,
        author,
        author_id,
        text,
    )


async def mark_status(
    tx: Tx, session_id: UUID, status: ChatStatus, assigned_to: UUID | None, *, now: datetime
) -> Session:
    """Store who answers from now on: what was written before is no longer the bot's business."""
    return await tx.one(
        Session,
        """
        UPDATE crm.chat_sessions
        SET status = $3, assigned_to = $4, lead_draft = NULL, answered_to = last_message_at, updated_at = $5,
            revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, workshop_id, language, status, assigned_to, lead_id, client_key, token_hash, page_url,
            consent_text_version, consent_communication, lead_draft, answered_to, last_message_at, created_at, revision
        """,
        tx.organization_id,
        session_id,
        status,
        assigned_to,
        now,
    )


async def mark_answered(
    tx: Tx, session_id: UUID, *, answered_to: datetime, draft: LeadDraft | None, lead_id: UUID | None, now: datetime
) -> Session:
    """Note how far the bot has answered, what it has asked for, and the lead that came of it; an earlier lead stays."""
    return await tx.one(
        Session,
        """
        UPDATE crm.chat_sessions
        SET answered_to = $3, lead_draft = $4, lead_id = COALESCE($5, lead_id), updated_at = $6, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, workshop_id, language, status, assigned_to, lead_id, client_key, token_hash, page_url,
            consent_text_version, consent_communication, lead_draft, answered_to, last_message_at, created_at, revision
        """,
        tx.organization_id,
        session_id,
        answered_to,
        draft,
        lead_id,
        now,
    )


async def list_messages(tx: Tx, session_id: UUID, *, before: MessagePosition | None, limit: int) -> list[Message]:
    """List a conversation's messages, newest first."""
    return await tx.all(
        Message,
        """
        SELECT id, author, text, created_at
        FROM crm.chat_messages
        WHERE organization_id = $1 AND session_id = $2
            AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
        ORDER BY created_at DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        session_id,
        before.created_at if before else None,
        before.id if before else None,
        limit,
    )


async def list_unanswered(tx: Tx, session_id: UUID, answered_to: datetime) -> list[Message]:
    """List what the visitor has written since then, oldest first, at most 20."""
    return await tx.all(
        Message,
        """
        SELECT id, author, text, created_at
        FROM crm.chat_messages
        WHERE organization_id = $1 AND session_id = $2 AND created_at > $3 AND author = 'visitor'
        ORDER BY created_at, id
        LIMIT 20
        """,
        tx.organization_id,
        session_id,
        answered_to,
    )


async def find_message(tx: Tx, session_id: UUID, created_at: datetime, message_id: UUID) -> Message | None:
    return await tx.first(
        Message,
        """
        SELECT id, author, text, created_at
        FROM crm.chat_messages
        WHERE organization_id = $1 AND session_id = $2 AND created_at = $3 AND id = $4
        """,
        tx.organization_id,
        session_id,
        created_at,
        message_id,
    )


async def mark_letters(tx: Tx, lead_id: UUID, now: datetime) -> int:
    """Keep the conversations behind a lead as trade letters; return how many were none."""
    return await tx.execute(
        """
        UPDATE crm.chat_sessions
        SET retention_class = 'letter6', updated_at = $3, revision = revision + 1,
            customer_id = (SELECT l.customer_id FROM crm.leads l WHERE l.organization_id = $1 AND l.id = $2)
        WHERE organization_id = $1 AND lead_id = $2 AND retention_class <> 'letter6'
        """,
        tx.organization_id,
        lead_id,
        now,
    )


async def delete_sessions(tx: Tx, *, chats_before: datetime, letters_before: datetime) -> int:
    """Delete conversations whose time is over, with their messages; return how many, at most 500."""
    return await tx.execute(
        """
        DELETE FROM crm.chat_sessions
        WHERE organization_id = $1 AND id IN (
            SELECT id
            FROM crm.chat_sessions
            WHERE organization_id = $1 AND last_message_at < $2
                AND (retention_class = 'chat90' OR last_message_at < $3)
            ORDER BY last_message_at
            LIMIT 500
        )
        """,
        tx.organization_id,
        chats_before,
        letters_before,
    )
