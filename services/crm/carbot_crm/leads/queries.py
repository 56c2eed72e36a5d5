"""Leads in SQL."""

from datetime import datetime
from uuid import UUID

import msgspec

from carbot_contracts.crm import LeadChanged, LeadStatus
from carbot_contracts.event import Event
from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_crm.follow_ups.models import FIRST_CONTACT, FIRST_CONTACT_WITHIN, TIMER
from carbot_crm.lead_scoring.models import Score
from carbot_crm.leads.models import HotPosition, Interaction, InteractionKind, Lead, LeadPosition, NewLead


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What else is kept of a lead that a guest sent."""

    source_url: str | None = None
    client_key: UUID | None = None
    consent_text_version: str | None = None
    consent_communication: bool | None = None


async def list_leads(
    tx: Tx,
    *,
    status: LeadStatus | None,
    workshop_id: UUID | None,
    assigned_to: UUID | None,
    after: LeadPosition | None,
    limit: int,
) -> list[Lead]:
    """List leads, newest first."""
    return await tx.all(
        Lead,
        """
        SELECT id, workshop_id, source, name, phone, email, request, vehicle, language, source_url, status, priority,
            estimated_value, assigned_to, next_follow_up_at, lost_reason, lead_score, classification, urgency_class,
            first_response_at, converted_at, customer_id, vehicle_id, created_at, updated_at, revision
        FROM crm.leads
        WHERE organization_id = $1
            AND ($2::text IS NULL OR status = $2)
            AND ($3::uuid IS NULL OR workshop_id = $3)
            AND ($4::uuid IS NULL OR assigned_to = $4)
            AND ($5::timestamptz IS NULL OR (created_at, id) < ($5, $6::uuid))
        ORDER BY created_at DESC, id DESC
        LIMIT $7
        """,
        tx.organization_id,
        status,
        workshop_id,
        assigned_to,
        after.created_at if after else None,
        after.id if after else None,
        limit,
    )


async def list_hot_leads(tx: Tx, workshop_id: UUID, *, after: HotPosition | None, limit: int) -> list[Lead]:
    """List the open leads of a workshop that score 70 or more, the best first (idx_leads_hot_prospects)."""
    return await tx.all(
        Lead,
        """
        SELECT id, workshop_id, source, name, phone, email, request, vehicle, language, source_url, status, priority,
            estimated_value, assigned_to, next_follow_up_at, lost_reason, lead_score, classification, urgency_class,
            first_response_at, converted_at, customer_id, vehicle_id, created_at, updated_at, revision
        FROM crm.leads
        WHERE organization_id = $1 AND workshop_id = $2 AND status IN ('new', 'contacted', 'qualified')
            AND lead_score >= 70
            AND ($3::smallint IS NULL OR (lead_score, created_at, id) < ($3, $4::timestamptz, $5::uuid))
        ORDER BY lead_score DESC, created_at DESC, id DESC
        LIMIT $6
        """,
        tx.organization_id,
        workshop_id,
        after.lead_score if after else None,
        after.created_at if after else None,
        after.id if after else None,
        limit,
    )


async def delete_lead(tx: Tx, lead_id: UUID) -> None:
    """Delete a lead that was locked, with all that happened with it."""
    await tx.execute(
        "DELETE FROM crm.lead_interactions WHERE organization_id = $1 AND lead_id = $2", tx.organization_id, lead_id
    )
    await tx.execute("DELETE FROM crm.leads WHERE organization_id = $1 AND id = $2", tx.organization_id, lead_id)


async def find_lead(tx: Tx, lead_id: UUID) -> Lead | None:
    return await tx.first(
        Lead,
        """
        SELECT id, workshop_id, source, name, phone, email, request, vehicle, language, source_url, status, priority,
            estimated_value, assigned_to, next_follow_up_at, lost_reason, lead_score, classification, urgency_class,
            first_response_at, converted_at, customer_id, vehicle_id, created_at, updated_at, revision
        FROM crm.leads
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        lead_id,
    )


async def lock_lead(tx: Tx, lead_id: UUID) -> Lead | None:
    """Find a lead and keep others from changing it until the transaction ends."""
    return await tx.first(
        Lead,
        """
        SELECT id, workshop_id, source, name, phone, email, request, vehicle, language, source_url, status, priority,
            estimated_value, assigned_to, next_follow_up_at, lost_reason, lead_score, classification, urgency_class,
            first_response_at, converted_at, customer_id, vehicle_id, created_at, updated_at, revision
        FROM crm.leads
        WHERE organization_id = $1 AND id = $2
        FOR UPDATE
        """,
        tx.organization_id,
        lead_id,
    )


async def lock_open_lead_of_phone(tx: Tx, workshop_id: UUID, phone: str) -> Lead | None:
    """Find the open lead of a number at a workshop; there is one at the most (leads_one_open_of_phone)."""
    return await tx.first(
        Lead,
        """
        SELECT id, workshop_id, source, name, phone, email, request, vehicle, language, source_url, status, priority,
            estimated_value, assigned_to, next_follow_up_at, lost_reason, lead_score, classification, urgency_class,
            first_response_at, converted_at, customer_id, vehicle_id, created_at, updated_at, revision
        FROM crm.leads
        WHERE organization_id = $1 AND workshop_id = $2 AND phone = $3 AND status IN ('new', 'contacted', 'qualified')
        FOR UPDATE
        """,
        tx.organization_id,
        workshop_id,
        phone,
    )


async def insert_lead(tx: Tx, lead_id: UUID, new: NewLead, origin: Origin, score: Score, now: datetime) -> Lead | None:
    """Insert a lead with its score, or return None if the caller sees no such workshop or the number has an open lead there.

    It goes to whose turn it is by the workshop's rule, else by the organisation's; the rule is locked until the transaction
    ends, so that no two leads take the same turn.
    """
    return await tx.first(
        Lead,
        """
        WITH turn AS (
            UPDATE crm.assignment_rules r
            SET turn = COALESCE(
                (
                    SELECT listed.place
                    FROM unnest(r.member_ids) WITH ORDINALITY AS listed (user_id, place)
                    JOIN crm.members m ON m.organization_id = $1 AND m.user_id = listed.user_id
                    WHERE m.is_active AND (m.workshop_ids IS NULL OR $3 = ANY (m.workshop_ids))
                    ORDER BY listed.place <= abs(r.turn), listed.place
                    LIMIT 1
                ),
                -abs(r.turn)
            )
            WHERE r.organization_id = $1 AND r.id = (
                SELECT id
                FROM crm.assignment_rules
                WHERE organization_id = $1 AND is_active AND (workshop_id = $3 OR workshop_id IS NULL)
                ORDER BY workshop_id
                LIMIT 1
            ) AND NOT EXISTS (
                SELECT
                FROM crm.leads known
                WHERE known.organization_id = $1 AND known.workshop_id = $3 AND known.phone = $6
                    AND known.status IN ('new', 'contacted', 'qualified')
            )
            RETURNING r.member_ids[r.turn] AS user_id
        )
        INSERT INTO crm.leads
            (organization_id, id, workshop_id, source, name, phone, email, request, vehicle, language, source_url,
            client_key, consent_text_version, consent_communication, consent_at, lead_score, classification,
            urgency_class, estimated_value, assigned_to, created_at, updated_at)
        SELECT w.organization_id, $2, w.id, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text, $14,
            CASE WHEN $13 IS NOT NULL THEN $15::timestamptz END, $16, $17, $18, $19, (SELECT user_id FROM turn), $15, $15
        FROM crm.workshops w
        WHERE w.organization_id = $1 AND w.id = $3 AND w.is_active
        ON CONFLICT (organization_id, workshop_id, phone) WHERE status IN ('new', 'contacted', 'qualified') DO NOTHING
        RETURNING id, workshop_id, source, name, phone, email, request, vehicle, language, source_url, status, priority,
            estimated_value, assigned_to, next_follow_up_at, lost_reason, lead_score, classification, urgency_class,
            first_response_at, converted_at, customer_id, vehicle_id, created_at, updated_at, revision
        """,
        tx.organization_id,
        lead_id,
        new.workshop_id,
        new.source,
        new.name,
        new.phone,
        new.email,
        new.request,
        new.vehicle,
        new.language,
        origin.source_url,
        origin.client_key,
        origin.consent_text_version,
        origin.consent_communication,
        now,
        score.score,
        score.classification,
        score.urgency_class,
        score.estimated_value,
    )


async def update_lead(tx: Tx, lead: Lead, now: datetime) -> Lead | None:
    """Store a lead that was locked, or return None if its number has another open lead at the workshop."""
    return await tx.first(
        Lead,
        """
        UPDATE crm.leads
        SET name = $3, phone = $4, email = $5, request = $6, vehicle = $7, status = $8, priority = $9,
            estimated_value = $10, assigned_to = $11, next_follow_up_at = $12, lost_reason = $13, updated_at = $14,
            lead_score = $15, classification = $16, urgency_class = $17, first_response_at = $18, converted_at = $19,
            customer_id = $20, vehicle_id = $21, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
            AND NOT EXISTS (
                SELECT
                FROM crm.leads other
                WHERE other.organization_id = $1 AND other.workshop_id = leads.workshop_id AND other.phone = $4
                    AND other.id <> $2 AND other.status IN ('new', 'contacted', 'qualified')
                    AND $8 IN ('new', 'contacted', 'qualified')
            )
        RETURNING id, workshop_id, source, name, phone, email, request, vehicle, language, source_url, status, priority,
            estimated_value, assigned_to, next_follow_up_at, lost_reason, lead_score, classification, urgency_class,
            first_response_at, converted_at, customer_id, vehicle_id, created_at, updated_at, revision
        """,
        tx.organization_id,
        lead.id,
        lead.name,
        lead.phone,
        lead.email,
        lead.request,
        lead.vehicle,
        lead.status,
        lead.priority,
        lead.estimated_value,
        lead.assigned_to,
        lead.next_follow_up_at,
        lead.lost_reason,
        now,
        lead.lead_score,
        lead.classification,
        lead.urgency_class,
        lead.first_response_at,
        lead.converted_at,
        lead.customer_id,
        lead.vehicle_id,
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


async def insert_beginning(tx: Tx, lead: Lead, kind: InteractionKind, now: datetime) -> None:
    """Insert how a new lead came, the task of answering it, and the timer of that task, in one statement."""
    await tx.execute(
        """
        WITH interaction AS (
            INSERT INTO crm.lead_interactions (organization_id, id, lead_id, workshop_id, kind, author_id, text, created_at)
            SELECT l.organization_id, $3, l.id, l.workshop_id, $4, $5, l.request, $6
            FROM crm.leads l
            WHERE l.organization_id = $1 AND l.id = $2
        ), task AS (
            INSERT INTO crm.follow_up_tasks
                (organization_id, id, lead_id, workshop_id, title, kind, due_at, assigned_to, reminder_id, created_at,
                updated_at)
            SELECT l.organization_id, $7, l.id, l.workshop_id, $8, CASE WHEN l.phone IS NULL THEN 'mail' ELSE 'call' END,
                $6::timestamptz + $9::interval, l.assigned_to, $7, $6, $6
            FROM crm.leads l
            WHERE l.organization_id = $1 AND l.id = $2
            RETURNING organization_id, reminder_id, due_at
        )
        INSERT INTO crm.timers (organization_id, kind, key, due_at)
        SELECT task.organization_id, $10, task.reminder_id, task.due_at
        FROM task
        """,
        tx.organization_id,
        lead.id,
        new_id(),
        kind,
        tx.context.user_id,
        now,
        new_id(),
        FIRST_CONTACT,
        FIRST_CONTACT_WITHIN,
        TIMER,
    )


async def insert_interaction(
    tx: Tx, lead_id: UUID, kind: InteractionKind, text: str | None, now: datetime
) -> Interaction | None:
    """Insert an interaction of the caller, or return None if the caller sees no such lead."""
    return await tx.first(
        Interaction,
        """
        INSERT INTO crm.lead_interactions (organization_id, id, lead_id, workshop_id, kind, author_id, text, created_at)
        SELECT l.organization_id, $2, l.id, l.workshop_id, $4, $5, $6, $7
        FROM crm.leads l
        WHERE l.organization_id = $1 AND l.id = $3
        RETURNING id, lead_id, kind, author_id, text, created_at
        """,
        tx.organization_id,
        new_id(),
        lead_id,
        kind,
        tx.context.user_id,
        text,
        now,
    )


async def list_interactions(tx: Tx, lead_id: UUID, *, after: LeadPosition | None, limit: int) -> list[Interaction]:
    """List what happened with a lead, newest first."""
    return await tx.all(
        Interaction,
        """
        SELECT id, lead_id, kind, author_id, text, created_at
        FROM crm.lead_interactions
        WHERE organization_id = $1 AND lead_id = $2
            AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
        ORDER BY created_at DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        lead_id,
        after.created_at if after else None,
        after.id if after else None,
        limit,
    )


class LeadState(msgspec.Struct, frozen=True):
    id: UUID
    workshop_id: UUID
    source: str
    status: LeadStatus
    assigned_to: UUID | None
    created_at: datetime
    revision: int


async def list_lead_states(tx: Tx, after: UUID | None, limit: int) -> list[tuple[Event, int]]:
    """List the state of leads in the order of their ids, as announcements with their versions."""
    rows = await tx.all(
        LeadState,
        """
        SELECT id, workshop_id, source, status, assigned_to, created_at, revision
        FROM crm.leads
        WHERE organization_id = $1 AND ($2::uuid IS NULL OR id > $2)
        ORDER BY id
        LIMIT $3
        """,
        tx.organization_id,
        after,
        limit,
    )
    return [
        (
            LeadChanged(
                lead_id=row.id,
                workshop_id=row.workshop_id,
                source=row.source,
                status=row.status,
                assigned_to=row.assigned_to,
                created_at=row.created_at,
            ),
            row.revision,
        )
        for row in rows
    ]
