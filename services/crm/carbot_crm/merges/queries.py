"""Merges in SQL."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_crm.merges.models import Merge, MergePosition, Snapshot, StoredMerge

type Move = Callable[[Tx, UUID, UUID, list[UUID] | None], Awaitable[list[UUID]]]
"""Moves the rows of one customer to another, all or those named, and returns which."""


async def insert_merge(tx: Tx, survivor_id: UUID, merged_id: UUID, snapshot: Snapshot, now: datetime) -> Merge:
    """Insert a merge of two customers that were locked."""
    return await tx.one(
        Merge,
        """
        INSERT INTO crm.customer_merges
            (organization_id, id, survivor_id, merged_id, snapshot, merged_by, created_at, updated_at)
        SELECT s.organization_id, $2, s.id, $4, $5, $6, $7, $7
        FROM crm.customers s
        WHERE s.organization_id = $1 AND s.id = $3
        RETURNING id, survivor_id, merged_id, merged_by, created_at, undone_at,
            created_at + interval '30 days' AS undo_until, revision
        """,
        tx.organization_id,
        new_id(),
        survivor_id,
        merged_id,
        msgspec.to_builtins(snapshot),
        tx.context.user_id,
        now,
    )


async def lock_merge(tx: Tx, merge_id: UUID) -> StoredMerge | None:
    """Find a merge of customers that the caller sees, and keep others from taking it back."""
    return await tx.first(
        StoredMerge,
        """
        SELECT m.id, m.survivor_id, m.merged_id, m.merged_by, m.created_at, m.undone_at,
            m.created_at + interval '30 days' AS undo_until, m.revision, m.snapshot
        FROM crm.customer_merges m
        JOIN crm.customers s ON s.organization_id = m.organization_id AND s.id = m.survivor_id
        JOIN crm.customers g ON g.organization_id = m.organization_id AND g.id = m.merged_id
        WHERE m.organization_id = $1 AND m.id = $2
        FOR UPDATE OF m
        """,
        tx.organization_id,
        merge_id,
    )


async def mark_undone(tx: Tx, merge_id: UUID, now: datetime) -> Merge:
    """Note that a merge that was locked has been taken back."""
    return await tx.one(
        Merge,
        """
        UPDATE crm.customer_merges
        SET undone_at = $3, updated_at = $3, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, survivor_id, merged_id, merged_by, created_at, undone_at,
            created_at + interval '30 days' AS undo_until, revision
        """,
        tx.organization_id,
        merge_id,
        now,
    )


async def list_merges(tx: Tx, survivor_id: UUID, *, after: MergePosition | None, limit: int) -> list[Merge]:
    """List who was joined with a customer, newest first."""
    return await tx.all(
        Merge,
        """
        SELECT id, survivor_id, merged_id, merged_by, created_at, undone_at,
            created_at + interval '30 days' AS undo_until, revision
        FROM crm.customer_merges
        WHERE organization_id = $1 AND survivor_id = $2
            AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
        ORDER BY created_at DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        survivor_id,
        after.created_at if after else None,
        after.id if after else None,
        limit,
    )


async def move_ownerships(tx: Tx, source: UUID, target: UUID, only: list[UUID] | None) -> list[UUID]:
    """Move vehicles, past and present."""
    return (
        await tx.value(
            list[UUID],
            """
        WITH moved AS (
            UPDATE crm.vehicle_ownerships
            SET customer_id = $3, updated_at = now(), revision = revision + 1
            WHERE organization_id = $1 AND customer_id = $2 AND ($4::uuid[] IS NULL OR id = ANY($4))
            RETURNING id
        )
        SELECT COALESCE(array_agg(id), '{}') FROM moved
        """,
            tx.organization_id,
            source,
            target,
            only,
        )
        or []
    )


MOVES: Mapping[str, Move] = {"vehicle_ownerships": move_ownerships}
"""Every table whose rows are a customer's."""


async def update_merged_into(tx: Tx, customer_id: UUID, survivor_id: UUID | None, now: datetime) -> None:
    """Note as whom a customer goes on; None: as itself."""
    await tx.execute(
        """
        UPDATE crm.customers
        SET merged_into = $3, updated_at = $4, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        customer_id,
        survivor_id,
        now,
    )
