"""Merges in SQL."""

from datetime import datetime
from uuid import UUID

import msgspec

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_crm.merges.models import Merge, MergePosition, Moved, Snapshot, StoredMerge


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


async def move(tx: Tx, source: UUID, target: UUID, only: Moved | None) -> Moved:
    """Move what belongs to one customer to another, all or what is named; return what."""
    return await tx.one(
        Moved,
        """
        WITH ownerships AS (
            UPDATE crm.vehicle_ownerships
            SET customer_id = $3, updated_at = now(), revision = revision + 1
            WHERE organization_id = $1 AND customer_id = $2 AND ($4::uuid[] IS NULL OR id = ANY($4))
            RETURNING id
        ), leads AS (
            UPDATE crm.leads
            SET customer_id = $3, updated_at = now(), revision = revision + 1
            WHERE organization_id = $1 AND customer_id = $2 AND ($5::uuid[] IS NULL OR id = ANY($5))
            RETURNING id
        ), sessions AS (
            UPDATE crm.chat_sessions
            SET customer_id = $3, updated_at = now(), revision = revision + 1
            WHERE organization_id = $1 AND customer_id = $2 AND ($6::uuid[] IS NULL OR id = ANY($6))
            RETURNING id
        ), communications AS (
            UPDATE crm.customer_communications
            SET customer_id = $3, updated_at = now(), revision = revision + 1
            WHERE organization_id = $1 AND customer_id = $2 AND ($7::uuid[] IS NULL OR id = ANY($7))
            RETURNING id
        )
        SELECT ARRAY(SELECT id FROM ownerships) AS vehicle_ownerships, ARRAY(SELECT id FROM leads) AS leads,
            ARRAY(SELECT id FROM sessions) AS chat_sessions,
            ARRAY(SELECT id FROM communications) AS customer_communications
        """,
        tx.organization_id,
        source,
        target,
        *(msgspec.structs.astuple(only) if only else (None,) * len(Moved.__struct_fields__)),
    )


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
