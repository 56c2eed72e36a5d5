"""Timelines in SQL: each kind is read over an index of its own, no further than a page."""

from uuid import UUID

from carbot_core.db import Tx
from carbot_crm.timelines.models import Entry, EntryPosition


async def list_of_customer(tx: Tx, customer_id: UUID, *, after: EntryPosition | None, limit: int) -> list[Entry]:
    """List what happened with a customer, newest first."""
    return await tx.all(
        Entry,
        """
        SELECT kind, id, happened_at, what, status
        FROM (
            (
                SELECT 'lead' AS kind, id, created_at AS happened_at, source AS what, status
                FROM crm.leads
                WHERE organization_id = $1 AND customer_id = $2
                    AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
                ORDER BY created_at DESC, id DESC
                LIMIT $5
            )
            UNION ALL
            (
                SELECT 'chat', id, created_at, channel, status
                FROM crm.chat_sessions
                WHERE organization_id = $1 AND customer_id = $2
                    AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
                ORDER BY created_at DESC, id DESC
                LIMIT $5
            )
            UNION ALL
            (
                SELECT 'communication', id, created_at, channel, status
                FROM crm.customer_communications
                WHERE organization_id = $1 AND customer_id = $2
                    AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
                ORDER BY created_at DESC, id DESC
                LIMIT $5
            )
        ) entries
        ORDER BY happened_at DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        customer_id,
        after.happened_at if after else None,
        after.id if after else None,
        limit,
    )


async def list_of_vehicle(tx: Tx, vehicle_id: UUID, *, after: EntryPosition | None, limit: int) -> list[Entry]:
    """List what happened with a vehicle, newest first; leads and communications only since it is the present owner's."""
    return await tx.all(
        Entry,
        """
        WITH present AS (
            SELECT customer_id, starts_on
            FROM crm.vehicle_ownerships
            WHERE organization_id = $1 AND vehicle_id = $2 AND ends_on IS NULL
        )
        SELECT kind, id, happened_at, what, status
        FROM (
            (
                SELECT 'lead' AS kind, l.id, l.created_at AS happened_at, l.source AS what, l.status
                FROM crm.leads l
                JOIN present p ON p.customer_id = l.customer_id
                WHERE l.organization_id = $1 AND l.vehicle_id = $2
                    AND ($3::timestamptz IS NULL OR (l.created_at, l.id) < ($3, $4::uuid))
                ORDER BY l.created_at DESC, l.id DESC
                LIMIT $5
            )
            UNION ALL
            (
                SELECT 'communication', m.id, m.created_at, m.channel, m.status
                FROM crm.customer_communications m
                JOIN present p ON p.customer_id = m.customer_id
                WHERE m.organization_id = $1 AND m.vehicle_id = $2
                    AND ($3::timestamptz IS NULL OR (m.created_at, m.id) < ($3, $4::uuid))
                ORDER BY m.created_at DESC, m.id DESC
                LIMIT $5
            )
            UNION ALL
            (
                SELECT 'work', id, done_on::timestamp AT TIME ZONE 'UTC', kind,
                    CASE WHEN passed THEN 'passed' ELSE 'failed' END
                FROM crm.vehicle_works
                WHERE organization_id = $1 AND vehicle_id = $2
                    AND ($3::timestamptz IS NULL OR (done_on::timestamp AT TIME ZONE 'UTC', id) < ($3, $4::uuid))
                ORDER BY done_on DESC, id DESC
                LIMIT $5
            )
            UNION ALL
            (
                SELECT 'ownership', id, starts_on::timestamp AT TIME ZONE 'UTC', 'began', NULL
                FROM crm.vehicle_ownerships
                WHERE organization_id = $1 AND vehicle_id = $2
                    AND (
                        $3::timestamptz IS NULL
                        OR (starts_on::timestamp AT TIME ZONE 'UTC', id) < ($3, $4::uuid)
                    )
                ORDER BY starts_on DESC, id DESC
                LIMIT $5
            )
        ) entries
        ORDER BY happened_at DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        vehicle_id,
        after.happened_at if after else None,
        after.id if after else None,
        limit,
    )
