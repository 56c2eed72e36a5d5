"""Follow-ups in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_crm.follow_ups.models import FollowUp, FollowUpPosition, FollowUpStatus, NewFollowUp, Reminded


async def list_follow_ups(
    tx: Tx,
    *,
    status: FollowUpStatus,
    assigned_to: UUID | None,
    due_before: datetime | None,
    workshop_id: UUID | None,
    after: FollowUpPosition | None,
    limit: int,
) -> list[FollowUp]:
    """List follow-ups, the soonest first."""
    return await tx.all(
        FollowUp,
        """
        SELECT id, lead_id, workshop_id, title, kind, note, due_at, assigned_to, status, done_at, created_at, updated_at,
            revision
        FROM crm.follow_up_tasks
        WHERE organization_id = $1 AND status = $2
            AND ($3::uuid IS NULL OR assigned_to = $3)
            AND ($4::timestamptz IS NULL OR due_at < $4)
            AND ($5::uuid IS NULL OR workshop_id = $5)
            AND ($6::timestamptz IS NULL OR (due_at, id) > ($6, $7::uuid))
        ORDER BY due_at, id
        LIMIT $8
        """,
        tx.organization_id,
        status,
        assigned_to,
        due_before,
        workshop_id,
        after.due_at if after else None,
        after.id if after else None,
        limit,
    )


async def list_of_lead(tx: Tx, lead_id: UUID, *, after: FollowUpPosition | None, limit: int) -> list[FollowUp]:
    """List the follow-ups of a lead, those that are over too, the soonest first."""
    return await tx.all(
        FollowUp,
        """
        SELECT id, lead_id, workshop_id, title, kind, note, due_at, assigned_to, status, done_at, created_at, updated_at,
            revision
        FROM crm.follow_up_tasks
        WHERE organization_id = $1 AND lead_id = $2
            AND ($3::timestamptz IS NULL OR (due_at, id) > ($3, $4::uuid))
        ORDER BY due_at, id
        LIMIT $5
        """,
        tx.organization_id,
        lead_id,
        after.due_at if after else None,
        after.id if after else None,
        limit,
    )


async def find_follow_up(tx: Tx, follow_up_id: UUID) -> FollowUp | None:
    return await tx.first(
        FollowUp,
        """
        SELECT id, lead_id, workshop_id, title, kind, note, due_at, assigned_to, status, done_at, created_at, updated_at,
            revision
        FROM crm.follow_up_tasks
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        follow_up_id,
    )


async def lock_follow_up(tx: Tx, follow_up_id: UUID) -> FollowUp | None:
    """Find a follow-up and keep others from changing it until the transaction ends."""
    return await tx.first(
        FollowUp,
        """
        SELECT id, lead_id, workshop_id, title, kind, note, due_at, assigned_to, status, done_at, created_at, updated_at,
            revision
        FROM crm.follow_up_tasks
        WHERE organization_id = $1 AND id = $2
        FOR UPDATE
        """,
        tx.organization_id,
        follow_up_id,
    )


async def insert_follow_up(
    tx: Tx, follow_up_id: UUID, lead_id: UUID, new: NewFollowUp, reminder_id: UUID, now: datetime
) -> FollowUp:
    """Insert a follow-up of a lead that was locked."""
    return await tx.one(
        FollowUp,
        """
        INSERT INTO crm.follow_up_tasks
            (organization_id, id, lead_id, workshop_id, title, kind, note, due_at, assigned_to, reminder_id, created_at,
            updated_at)
        SELECT l.organization_id, $2, l.id, l.workshop_id, $4, $5, $6, $7, COALESCE($8, l.assigned_to), $9, $10, $10
        FROM crm.leads l
        WHERE l.organization_id = $1 AND l.id = $3
        RETURNING id, lead_id, workshop_id, title, kind, note, due_at, assigned_to, status, done_at, created_at, updated_at,
            revision
        """,
        tx.organization_id,
        follow_up_id,
        lead_id,
        new.title,
        new.kind,
        new.note,
        new.due_at,
        new.assigned_to,
        reminder_id,
        now,
    )


async def update_follow_up(tx: Tx, follow_up: FollowUp, reminder_id: UUID | None, now: datetime) -> FollowUp:
    """Store a follow-up that was locked; without a new reminder an open one keeps its own."""
    return await tx.one(
        FollowUp,
        """
        UPDATE crm.follow_up_tasks
        SET title = $3, kind = $4, note = $5, due_at = $6, assigned_to = $7, status = $8, done_at = $9,
            reminder_id = CASE WHEN $8 = 'open' THEN COALESCE($10, reminder_id) END, updated_at = $11,
            revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, lead_id, workshop_id, title, kind, note, due_at, assigned_to, status, done_at, created_at, updated_at,
            revision
        """,
        tx.organization_id,
        follow_up.id,
        follow_up.title,
        follow_up.kind,
        follow_up.note,
        follow_up.due_at,
        follow_up.assigned_to,
        follow_up.status,
        follow_up.done_at,
        reminder_id,
        now,
    )


async def cancel_open(tx: Tx, lead_id: UUID, now: datetime) -> None:
    """Cancel what is still to be done for a lead that was locked."""
    await tx.execute(
        """
        UPDATE crm.follow_up_tasks
        SET status = 'cancelled', reminder_id = NULL, updated_at = $3, revision = revision + 1
        WHERE organization_id = $1 AND lead_id = $2 AND status = 'open'
        """,
        tx.organization_id,
        lead_id,
        now,
    )


async def mark_reminded(tx: Tx, reminder_id: UUID) -> Reminded | None:
    """Use up a reminder, or return None if nothing is to be announced by it any more."""
    return await tx.first(
        Reminded,
        """
        UPDATE crm.follow_up_tasks
        SET reminder_id = NULL
        WHERE organization_id = $1 AND reminder_id = $2
        RETURNING id, lead_id, workshop_id, revision
        """,
        tx.organization_id,
        reminder_id,
    )
