"""Communications in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_crm.communications.models import (
    Communication,
    CommunicationPosition,
    Content,
    NewTouchpoint,
    QueuedMessage,
    SentTo,
    Status,
    VehicleWords,
)
from carbot_crm.send_gate.models import Recipient, Verdict


async def list_communications(
    tx: Tx, *, status: Status | None, after: CommunicationPosition | None, limit: int
) -> list[Communication]:
    """List touchpoints of all customers, newest first."""
    return await tx.all(
        Communication,
        """
        SELECT id, workshop_id, customer_id, vehicle_id, template_version_id, channel, direction, purpose, recipient, language,
            subject, body, status, due_at, verdict, ground, norm, unmet, decided_at, attempts, failure, sent_at, author_id,
            created_at, updated_at, revision
        FROM crm.customer_communications
        WHERE organization_id = $1 AND ($2::text IS NULL OR status = $2)
            AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
        ORDER BY created_at DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        status,
        after.created_at if after else None,
        after.id if after else None,
        limit,
    )


async def list_of_customer(
    tx: Tx, customer_id: UUID, *, after: CommunicationPosition | None, limit: int
) -> list[Communication]:
    """List a customer's touchpoints, newest first."""
    return await tx.all(
        Communication,
        """
        SELECT id, workshop_id, customer_id, vehicle_id, template_version_id, channel, direction, purpose, recipient, language,
            subject, body, status, due_at, verdict, ground, norm, unmet, decided_at, attempts, failure, sent_at, author_id,
            created_at, updated_at, revision
        FROM crm.customer_communications
        WHERE organization_id = $1 AND customer_id = $2
            AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
        ORDER BY created_at DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        customer_id,
        after.created_at if after else None,
        after.id if after else None,
        limit,
    )


async def find_communication(tx: Tx, communication_id: UUID) -> Communication | None:
    return await tx.first(
        Communication,
        """
        SELECT id, workshop_id, customer_id, vehicle_id, template_version_id, channel, direction, purpose, recipient, language,
            subject, body, status, due_at, verdict, ground, norm, unmet, decided_at, attempts, failure, sent_at, author_id,
            created_at, updated_at, revision
        FROM crm.customer_communications
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        communication_id,
    )


async def insert_message(
    tx: Tx, recipient: Recipient, content: Content, verdict: Verdict | None, *, due_at: datetime, now: datetime
) -> Communication | None:
    """Insert a message, refused if the verdict says so; return None if it reminds of what there is a reminder of."""
    return await tx.first(
        Communication,
        """
        INSERT INTO crm.customer_communications
            (organization_id, id, workshop_id, customer_id, vehicle_id, template_version_id, channel, direction, purpose,
            recipient, language, subject, body, status, due_at, about_day, verdict, ground, norm, unmet, decided_at, author_id,
            created_at, updated_at)
        SELECT c.organization_id, $2, c.workshop_id, c.id, $4, $5, $6, 'outbound', $7, $8, $9, $10, $11,
            CASE WHEN $14::text = 'refuse' THEN 'refused' ELSE 'scheduled' END, $12, $13, $14, $15, $16, $17,
            CASE WHEN $14 IS NOT NULL THEN $19::timestamptz END, $18, $19, $19
        FROM crm.customers c
        WHERE c.organization_id = $1 AND c.id = $3
        ON CONFLICT (organization_id, vehicle_id, purpose, about_day) DO NOTHING
        RETURNING id, workshop_id, customer_id, vehicle_id, template_version_id, channel, direction, purpose, recipient,
            language, subject, body, status, due_at, verdict, ground, norm, unmet, decided_at, attempts, failure, sent_at,
            author_id, created_at, updated_at, revision
        """,
        tx.organization_id,
        new_id(),
        recipient.id,
        content.vehicle_id,
        content.template_version_id,
        content.channel,
        content.purpose,
        recipient.address(content.channel),
        content.language,
        content.subject,
        content.body,
        due_at,
        content.about_day,
        _word(verdict) if verdict else None,
        verdict.ground if verdict else None,
        verdict.norm if verdict else None,
        verdict.unmet if verdict else (),
        tx.context.user_id,
        now,
    )


async def insert_touchpoint(tx: Tx, customer_id: UUID, new: NewTouchpoint, now: datetime) -> Communication | None:
    """Insert what the caller noted, or return None if the caller sees no such customer."""
    return await tx.first(
        Communication,
        """
        INSERT INTO crm.customer_communications
            (organization_id, id, workshop_id, customer_id, channel, direction, subject, body, status, due_at, author_id,
            created_at, updated_at)
        SELECT c.organization_id, $2, c.workshop_id, c.id, $4, $5, $6, $7, 'recorded', $9, $8, $9, $9
        FROM crm.customers c
        WHERE c.organization_id = $1 AND c.id = $3
        RETURNING id, workshop_id, customer_id, vehicle_id, template_version_id, channel, direction, purpose, recipient,
            language, subject, body, status, due_at, verdict, ground, norm, unmet, decided_at, attempts, failure, sent_at,
            author_id, created_at, updated_at, revision
        """,
        tx.organization_id,
        new_id(),
        customer_id,
        new.channel,
        new.direction,
        new.subject,
        new.body,
        tx.context.user_id,
        now,
    )


async def mark_cancelled(tx: Tx, communication_id: UUID, now: datetime) -> Communication | None:
    """Cancel a message that is scheduled, or return None if there is none."""
    return await tx.first(
        Communication,
        """
        UPDATE crm.customer_communications
        SET status = 'cancelled', updated_at = $3, revision = revision + 1
        WHERE organization_id = $1 AND id = $2 AND status = 'scheduled'
        RETURNING id, workshop_id, customer_id, vehicle_id, template_version_id, channel, direction, purpose, recipient,
            language, subject, body, status, due_at, verdict, ground, norm, unmet, decided_at, attempts, failure, sent_at,
            author_id, created_at, updated_at, revision
        """,
        tx.organization_id,
        communication_id,
        now,
    )


async def lock_queued_message(tx: Tx, communication_id: UUID) -> QueuedMessage | None:
    """Find a message that is to be sent, and keep others from cancelling it until the transaction ends."""
    return await tx.first(
        QueuedMessage,
        """
        SELECT id, customer_id, purpose, channel, language, subject, body
        FROM crm.customer_communications
        WHERE organization_id = $1 AND id = $2 AND status IN ('scheduled', 'sending')
        FOR UPDATE
        """,
        tx.organization_id,
        communication_id,
    )


async def mark_decided(tx: Tx, communication_id: UUID, to: str | None, verdict: Verdict, now: datetime) -> None:
    """Store the gate's verdict on a message with what follows from it: that it is being sent, or refused."""
    await tx.execute(
        """
        UPDATE crm.customer_communications
        SET recipient = $3, status = CASE WHEN $4 = 'allow' THEN 'sending' ELSE 'refused' END, verdict = $4, ground = $5,
            norm = $6, unmet = $7, decided_at = $8, updated_at = $8, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        communication_id,
        to,
        _word(verdict),
        verdict.ground,
        verdict.norm,
        verdict.unmet,
        now,
    )


async def mark_outcome(
    tx: Tx,
    communication_id: UUID,
    status: Status,
    *,
    attempts: int,
    provider_id: str | None,
    failure: str | None,
    now: datetime,
) -> None:
    """Note how far a message came that was being sent."""
    await tx.execute(
        """
        UPDATE crm.customer_communications
        SET status = $3, attempts = $4, provider_id = $5, failure = $6,
            sent_at = CASE WHEN $3 = 'sent' THEN $7::timestamptz END, updated_at = $7, revision = revision + 1
        WHERE organization_id = $1 AND id = $2 AND status = 'sending'
        """,
        tx.organization_id,
        communication_id,
        status,
        attempts,
        provider_id,
        failure,
        now,
    )


async def find_sent_to(tx: Tx, communication_id: UUID) -> SentTo | None:
    """Find whom a message went to."""
    return await tx.first(
        SentTo,
        """
        SELECT m.customer_id, m.channel, m.recipient, o.legal_name AS organization_name
        FROM crm.customer_communications m
        JOIN crm.organizations o ON o.organization_id = m.organization_id
        WHERE m.organization_id = $1 AND m.id = $2 AND m.recipient IS NOT NULL AND m.status <> 'recorded'
        """,
        tx.organization_id,
        communication_id,
    )


async def find_vehicle_words(tx: Tx, vehicle_id: UUID) -> VehicleWords | None:
    return await tx.first(
        VehicleWords,
        """
        SELECT plate, make, model
        FROM crm.customer_vehicles
        WHERE organization_id = $1 AND id = $2 AND is_active
        """,
        tx.organization_id,
        vehicle_id,
    )


def _word(verdict: Verdict) -> str:
    return "allow" if verdict.is_allowed else "refuse"
