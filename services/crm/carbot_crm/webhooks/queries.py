"""Webhooks in SQL."""

from datetime import datetime
from uuid import UUID

import msgspec

from carbot_core.db import Tx
from carbot_crm.webhooks.models import (
    Answer,
    DeliveryStatus,
    NewWebhook,
    PendingDelivery,
    Webhook,
    WebhookDelivery,
    WebhookPosition,
)


async def list_webhooks(tx: Tx, *, after: WebhookPosition | None, limit: int) -> list[Webhook]:
    """List webhooks, newest first."""
    return await tx.all(
        Webhook,
        """
        SELECT id, workshop_id, url, events, is_active, previous_secret_until, disabled_at, created_at, updated_at, revision
        FROM crm.webhooks
        WHERE organization_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
        ORDER BY created_at DESC, id DESC
        LIMIT $4
        """,
        tx.organization_id,
        after.created_at if after else None,
        after.id if after else None,
        limit,
    )


async def find_webhook(tx: Tx, webhook_id: UUID) -> Webhook | None:
    return await tx.first(
        Webhook,
        """
        SELECT id, workshop_id, url, events, is_active, previous_secret_until, disabled_at, created_at, updated_at, revision
        FROM crm.webhooks
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        webhook_id,
    )


async def lock_webhook(tx: Tx, webhook_id: UUID) -> Webhook | None:
    """Find a webhook and keep others from changing it until the transaction ends."""
    return await tx.first(
        Webhook,
        """
        SELECT id, workshop_id, url, events, is_active, previous_secret_until, disabled_at, created_at, updated_at, revision
        FROM crm.webhooks
        WHERE organization_id = $1 AND id = $2
        FOR UPDATE
        """,
        tx.organization_id,
        webhook_id,
    )


async def insert_webhook(tx: Tx, webhook_id: UUID, new: NewWebhook, secret: bytes, now: datetime) -> Webhook | None:
    """Insert a webhook, or return None if the caller sees no such workshop."""
    return await tx.first(
        Webhook,
        """
        INSERT INTO crm.webhooks (organization_id, id, workshop_id, url, events, secret, created_at, updated_at)
        SELECT $1, $2, $3::uuid, $4, $5, $6, $7, $7
        WHERE $3 IS NULL OR EXISTS (SELECT FROM crm.workshops w WHERE w.organization_id = $1 AND w.id = $3)
        RETURNING id, workshop_id, url, events, is_active, previous_secret_until, disabled_at, created_at, updated_at, revision
        """,
        tx.organization_id,
        webhook_id,
        new.workshop_id,
        new.url,
        new.events,
        secret,
        now,
    )


async def update_webhook(tx: Tx, webhook: Webhook, now: datetime) -> Webhook:
    """Store a webhook that was locked."""
    return await tx.one(
        Webhook,
        """
        UPDATE crm.webhooks
        SET url = $3, events = $4, is_active = $5, disabled_at = $6, updated_at = $7, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, workshop_id, url, events, is_active, previous_secret_until, disabled_at, created_at, updated_at, revision
        """,
        tx.organization_id,
        webhook.id,
        webhook.url,
        webhook.events,
        webhook.is_active,
        webhook.disabled_at,
        now,
    )


async def update_secret(tx: Tx, webhook_id: UUID, secret: bytes, *, previous_until: datetime, now: datetime) -> Webhook:
    """Give a webhook that was locked another secret; the one before counts as long as that."""
    return await tx.one(
        Webhook,
        """
        UPDATE crm.webhooks
        SET previous_secret = secret, previous_secret_until = $4, secret = $3, updated_at = $5, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, workshop_id, url, events, is_active, previous_secret_until, disabled_at, created_at, updated_at, revision
        """,
        tx.organization_id,
        webhook_id,
        secret,
        previous_until,
        now,
    )


async def delete_webhook(tx: Tx, webhook_id: UUID) -> None:
    """Delete a webhook with its deliveries."""
    await tx.execute(
        "DELETE FROM crm.webhooks WHERE organization_id = $1 AND id = $2",
        tx.organization_id,
        webhook_id,
    )


async def mark_disabled(tx: Tx, webhook_id: UUID, now: datetime) -> Webhook | None:
    """Switch a webhook off that has failed too long, or return None if it is off already."""
    return await tx.first(
        Webhook,
        """
        UPDATE crm.webhooks
        SET is_active = false, disabled_at = $3, updated_at = $3, revision = revision + 1
        WHERE organization_id = $1 AND id = $2 AND is_active
        RETURNING id, workshop_id, url, events, is_active, previous_secret_until, disabled_at, created_at, updated_at, revision
        """,
        tx.organization_id,
        webhook_id,
        now,
    )


async def insert_test_delivery(
    tx: Tx, webhook_id: UUID, delivery_id: UUID, payload: bytes, now: datetime
) -> WebhookDelivery | None:
    """Insert a delivery that tells of nothing, or return None if the caller sees no such webhook."""
    return await tx.first(
        WebhookDelivery,
        """
        INSERT INTO crm.webhook_deliveries
            (organization_id, id, workshop_id, webhook_id, type, payload, begun_at, created_at, updated_at)
        SELECT h.organization_id, $2, h.workshop_id, h.id, 'test', $4, $5, $5, $5
        FROM crm.webhooks h
        WHERE h.organization_id = $1 AND h.id = $3
        RETURNING id, webhook_id, type, status, attempts, response_status, response, failure, delivered_at, created_at,
            updated_at, revision
        """,
        tx.organization_id,
        delivery_id,
        webhook_id,
        payload,
        now,
    )


class Inserted(msgspec.Struct, frozen=True):
    id: UUID


async def insert_deliveries(
    tx: Tx, event_id: UUID, event_type: str, workshop_id: UUID | None, payload: bytes, now: datetime
) -> list[UUID]:
    """Insert a delivery for each active webhook that wants to hear of an event, once; return their ids."""
    inserted = await tx.all(
        Inserted,
        """
        INSERT INTO crm.webhook_deliveries
            (organization_id, id, workshop_id, webhook_id, event_id, type, payload, begun_at, created_at, updated_at)
        SELECT h.organization_id, core.uuid7(), $4::uuid, h.id, $2, $3, $5, $6, $6, $6
        FROM crm.webhooks h
        WHERE h.organization_id = $1 AND h.is_active AND $3 = ANY (h.events)
            AND (h.workshop_id IS NULL OR h.workshop_id = $4)
        ON CONFLICT (organization_id, webhook_id, event_id) DO NOTHING
        RETURNING id
        """,
        tx.organization_id,
        event_id,
        event_type,
        workshop_id,
        payload,
        now,
    )
    return [each.id for each in inserted]


async def list_deliveries(
    tx: Tx, webhook_id: UUID, *, after: WebhookPosition | None, limit: int
) -> list[WebhookDelivery]:
    """List what a webhook was told, newest first."""
    return await tx.all(
        WebhookDelivery,
        """
        SELECT id, webhook_id, type, status, attempts, response_status, response, failure, delivered_at, created_at,
            updated_at, revision
        FROM crm.webhook_deliveries
        WHERE organization_id = $1 AND webhook_id = $2
            AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
        ORDER BY created_at DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        webhook_id,
        after.created_at if after else None,
        after.id if after else None,
        limit,
    )


async def find_delivery(tx: Tx, delivery_id: UUID) -> WebhookDelivery | None:
    return await tx.first(
        WebhookDelivery,
        """
        SELECT id, webhook_id, type, status, attempts, response_status, response, failure, delivered_at, created_at,
            updated_at, revision
        FROM crm.webhook_deliveries
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        delivery_id,
    )


async def mark_replayed(tx: Tx, delivery_id: UUID, now: datetime) -> WebhookDelivery | None:
    """Let a delivery that has ended begin again, or return None if it has not ended."""
    return await tx.first(
        WebhookDelivery,
        """
        UPDATE crm.webhook_deliveries
        SET status = 'pending', attempts = 0, begun_at = $3, failure = NULL, updated_at = $3, revision = revision + 1
        WHERE organization_id = $1 AND id = $2 AND status <> 'pending'
        RETURNING id, webhook_id, type, status, attempts, response_status, response, failure, delivered_at, created_at,
            updated_at, revision
        """,
        tx.organization_id,
        delivery_id,
        now,
    )


async def find_pending_delivery(tx: Tx, delivery_id: UUID) -> PendingDelivery | None:
    """Find a delivery that is due."""
    return await tx.first(
        PendingDelivery,
        """
        SELECT d.id, d.webhook_id, d.type, d.payload, d.begun_at, h.url, h.is_active, h.secret, h.previous_secret,
            h.previous_secret_until
        FROM crm.webhook_deliveries d
        JOIN crm.webhooks h ON h.organization_id = d.organization_id AND h.id = d.webhook_id
        WHERE d.organization_id = $1 AND d.id = $2 AND d.status = 'pending'
        """,
        tx.organization_id,
        delivery_id,
    )


async def mark_delivery(
    tx: Tx, delivery_id: UUID, status: DeliveryStatus, answer: Answer, *, attempts: int, now: datetime
) -> None:
    """Note what came of an attempt."""
    await tx.execute(
        """
        UPDATE crm.webhook_deliveries
        SET status = $3, attempts = $4, response_status = $5, response = $6, failure = $7,
            delivered_at = CASE WHEN $3 = 'delivered' THEN $8::timestamptz ELSE delivered_at END, updated_at = $8,
            revision = revision + 1
        WHERE organization_id = $1 AND id = $2 AND status = 'pending'
        """,
        tx.organization_id,
        delivery_id,
        status,
        attempts,
        answer.status,
        answer.text,
        answer.failure,
        now,
    )


async def delete_old_deliveries(tx: Tx, *, before: datetime) -> int:
    """Delete deliveries that have ended long ago; return how many, at most 500."""
    return await tx.execute(
        """
        DELETE FROM crm.webhook_deliveries
        WHERE organization_id = $1 AND id IN (
            SELECT id
            FROM crm.webhook_deliveries
            WHERE organization_id = $1 AND status <> 'pending' AND created_at < $2
            LIMIT 500
        )
        """,
        tx.organization_id,
        before,
    )
