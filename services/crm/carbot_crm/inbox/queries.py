"""The inbox in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_contracts.crm import ChatStatus
from carbot_core.db import Tx
from carbot_crm.chat.models import MessagePosition
from carbot_crm.inbox.models import InboxMessage, InboxPosition, InboxSession


async def list_sessions(
    tx: Tx,
    *,
    status: ChatStatus | None,
    workshop_id: UUID | None,
    assigned_to: UUID | None,
    after: InboxPosition | None,
    limit: int,
) -> list[InboxSession]:
    """List conversations, the one that was last written in first."""
    return await tx.all(
        InboxSession,
        """
        SELECT s.id, s.workshop_id, s.channel, s.language, s.status, s.assigned_to, s.lead_id, s.customer_id, s.page_url,
            s.consent_text_version, s.consent_communication, s.consent_analytics, s.consent_at, s.retention_class,
            m.author AS last_author, m.text AS last_text, s.last_message_at, s.created_at, s.updated_at, s.revision
        FROM crm.chat_sessions s
        LEFT JOIN crm.chat_messages m
            ON m.organization_id = s.organization_id AND m.session_id = s.id AND m.created_at = s.last_message_at
        WHERE s.organization_id = $1
            AND ($2::text IS NULL OR s.status = $2)
            AND ($3::uuid IS NULL OR s.workshop_id = $3)
            AND ($4::uuid IS NULL OR s.assigned_to = $4)
            AND ($5::timestamptz IS NULL OR (s.last_message_at, s.id) < ($5, $6::uuid))
        ORDER BY s.last_message_at DESC, s.id DESC
        LIMIT $7
        """,
        tx.organization_id,
        status,
        workshop_id,
        assigned_to,
        after.last_message_at if after else None,
        after.id if after else None,
        limit,
    )


async def find_session(tx: Tx, session_id: UUID) -> InboxSession | None:
    return await tx.first(
        InboxSession,
        """
        SELECT s.id, s.workshop_id, s.channel, s.language, s.status, s.assigned_to, s.lead_id, s.customer_id, s.page_url,
            s.consent_text_version, s.consent_communication, s.consent_analytics, s.consent_at, s.retention_class,
            m.author AS last_author, m.text AS last_text, s.last_message_at, s.created_at, s.updated_at, s.revision
        FROM crm.chat_sessions s
        LEFT JOIN crm.chat_messages m
            ON m.organization_id = s.organization_id AND m.session_id = s.id AND m.created_at = s.last_message_at
        WHERE s.organization_id = $1 AND s.id = $2
        """,
        tx.organization_id,
        session_id,
    )


async def list_messages(tx: Tx, session_id: UUID, *, before: MessagePosition | None, limit: int) -> list[InboxMessage]:
    """List a conversation's messages, newest first."""
    return await tx.all(
        InboxMessage,
        """
        SELECT id, session_id, author, author_id, text, created_at
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


async def find_message(tx: Tx, session_id: UUID, created_at: datetime, message_id: UUID) -> InboxMessage | None:
    return await tx.first(
        InboxMessage,
        """
        SELECT id, session_id, author, author_id, text, created_at
        FROM crm.chat_messages
        WHERE organization_id = $1 AND session_id = $2 AND created_at = $3 AND id = $4
        """,
        tx.organization_id,
        session_id,
        created_at,
        message_id,
    )


async def find_assignee(tx: Tx, user_id: UUID, workshop_id: UUID) -> UUID | None:
    """Find an active member who sees the workshop."""
    return await tx.value(
        UUID,
        """
        SELECT user_id
        FROM crm.members
        WHERE organization_id = $1 AND user_id = $2 AND is_active
            AND (workshop_ids IS NULL OR $3 = ANY (workshop_ids))
        """,
        tx.organization_id,
        user_id,
        workshop_id,
    )
