"""Assignment rules in SQL; whose turn it is, `leads.queries.insert_lead` says."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_crm.assignment_rules.models import AssignmentRule, NewAssignmentRule


async def list_assignment_rules(tx: Tx, *, after: UUID | None, limit: int) -> list[AssignmentRule]:
    """List rules, oldest first."""
    return await tx.all(
        AssignmentRule,
        """
        SELECT id, workshop_id, strategy, member_ids, is_active, created_at, updated_at, revision
        FROM crm.assignment_rules
        WHERE organization_id = $1 AND ($2::uuid IS NULL OR id > $2)
        ORDER BY id
        LIMIT $3
        """,
        tx.organization_id,
        after,
        limit,
    )


async def find_assignment_rule(tx: Tx, rule_id: UUID) -> AssignmentRule | None:
    return await tx.first(
        AssignmentRule,
        """
        SELECT id, workshop_id, strategy, member_ids, is_active, created_at, updated_at, revision
        FROM crm.assignment_rules
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        rule_id,
    )


async def lock_assignment_rule(tx: Tx, rule_id: UUID) -> AssignmentRule | None:
    """Find a rule and keep others from changing it until the transaction ends."""
    return await tx.first(
        AssignmentRule,
        """
        SELECT id, workshop_id, strategy, member_ids, is_active, created_at, updated_at, revision
        FROM crm.assignment_rules
        WHERE organization_id = $1 AND id = $2
        FOR UPDATE
        """,
        tx.organization_id,
        rule_id,
    )


async def sees_workshop(tx: Tx, workshop_id: UUID) -> bool:
    """Tell whether the caller sees such a workshop."""
    found = await tx.value(
        UUID, "SELECT id FROM crm.workshops WHERE organization_id = $1 AND id = $2", tx.organization_id, workshop_id
    )
    return found is not None


async def find_stranger(tx: Tx, member_ids: list[UUID], workshop_id: UUID | None) -> UUID | None:
    """Find one of these who is no active member, or does not see the workshop."""
    return await tx.value(
        UUID,
        """
        SELECT listed.user_id
        FROM unnest($2::uuid[]) AS listed (user_id)
        WHERE NOT EXISTS (
            SELECT
            FROM crm.members m
            WHERE m.organization_id = $1 AND m.user_id = listed.user_id AND m.is_active
                AND ($3::uuid IS NULL OR m.workshop_ids IS NULL OR $3 = ANY (m.workshop_ids))
        )
        LIMIT 1
        """,
        tx.organization_id,
        member_ids,
        workshop_id,
    )


async def insert_assignment_rule(tx: Tx, new: NewAssignmentRule, now: datetime) -> AssignmentRule | None:
    """Insert a rule, or return None if the workshop, or the organisation, has one."""
    return await tx.first(
        AssignmentRule,
        """
        INSERT INTO crm.assignment_rules
            (organization_id, id, workshop_id, strategy, member_ids, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $6)
        ON CONFLICT (organization_id, workshop_id) DO NOTHING
        RETURNING id, workshop_id, strategy, member_ids, is_active, created_at, updated_at, revision
        """,
        tx.organization_id,
        new_id(),
        new.workshop_id,
        new.strategy,
        new.member_ids,
        now,
    )


async def update_assignment_rule(tx: Tx, rule: AssignmentRule, now: datetime) -> AssignmentRule:
    """Store a rule that was locked; the turns go on from the place where they were."""
    return await tx.one(
        AssignmentRule,
        """
        UPDATE crm.assignment_rules
        SET strategy = $3, member_ids = $4, is_active = $5, updated_at = $6, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, workshop_id, strategy, member_ids, is_active, created_at, updated_at, revision
        """,
        tx.organization_id,
        rule.id,
        rule.strategy,
        rule.member_ids,
        rule.is_active,
        now,
    )


async def delete_assignment_rule(tx: Tx, rule_id: UUID) -> None:
    await tx.execute(
        "DELETE FROM crm.assignment_rules WHERE organization_id = $1 AND id = $2", tx.organization_id, rule_id
    )
