"""What is due and what was done, in SQL."""

from datetime import date, datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_crm.due.models import (
    Announced,
    DueKind,
    DuePosition,
    DueVehicle,
    Item,
    NewRule,
    NewWork,
    Position,
    Rule,
    RuleInForce,
    Wanted,
    Work,
    WorkPosition,
)


async def list_vehicles_due_for_hu(
    tx: Tx, *, begin: date, end: date, workshop_id: UUID | None, after: DuePosition | None, limit: int
) -> list[DueVehicle]:
    """List the vehicles whose plaque ends between two days, soonest first (idx_vehicles_tuv_due)."""
    return await tx.all(
        DueVehicle,
        """
        SELECT v.id, v.id AS vehicle_id, v.workshop_id, 'hu' AS kind, v.tuv_expiry AS due_on, v.plate, v.make, v.model,
            c.id AS customer_id, COALESCE(c.company, concat_ws(' ', c.first_name, c.last_name)) AS customer_name,
            v.tuv_expiry, v.season_from, v.season_to
        FROM crm.customer_vehicles v
        LEFT JOIN crm.vehicle_ownerships o
            ON o.organization_id = v.organization_id AND o.vehicle_id = v.id AND o.ends_on IS NULL
        LEFT JOIN crm.customers c ON c.organization_id = o.organization_id AND c.id = o.customer_id
        WHERE v.organization_id = $1 AND v.is_active AND v.tuv_expiry IS NOT NULL
            AND v.tuv_expiry >= $2 AND v.tuv_expiry <= $3
            AND ($4::uuid IS NULL OR v.workshop_id = $4)
            AND ($5::date IS NULL OR (v.tuv_expiry, v.id) > ($5, $6::uuid))
        ORDER BY v.tuv_expiry, v.id
        LIMIT $7
        """,
        tx.organization_id,
        begin,
        end,
        workshop_id,
        after.due_on if after else None,
        after.id if after else None,
        limit,
    )


async def list_vehicles_due(
    tx: Tx, kind: DueKind, *, begin: date, end: date, workshop_id: UUID | None, after: DuePosition | None, limit: int
) -> list[DueVehicle]:
    """List what of a kind is due between two days, soonest first; what is due by distance alone is not in it."""
    return await tx.all(
        DueVehicle,
        """
        SELECT i.id, i.vehicle_id, i.workshop_id, i.kind, i.due_on, v.plate, v.make, v.model,
            c.id AS customer_id, COALESCE(c.company, concat_ws(' ', c.first_name, c.last_name)) AS customer_name,
            v.tuv_expiry, v.season_from, v.season_to
        FROM crm.vehicle_due_items i
        JOIN crm.customer_vehicles v ON v.organization_id = i.organization_id AND v.id = i.vehicle_id
        LEFT JOIN crm.vehicle_ownerships o
            ON o.organization_id = v.organization_id AND o.vehicle_id = v.id AND o.ends_on IS NULL
        LEFT JOIN crm.customers c ON c.organization_id = o.organization_id AND c.id = o.customer_id
        WHERE i.organization_id = $1 AND i.kind = $2 AND i.done_at IS NULL AND i.due_on IS NOT NULL
            AND i.due_on >= $3 AND i.due_on <= $4
            AND ($5::uuid IS NULL OR i.workshop_id = $5)
            AND ($6::date IS NULL OR (i.due_on, i.id) > ($6, $7::uuid))
        ORDER BY i.due_on, i.id
        LIMIT $8
        """,
        tx.organization_id,
        kind,
        begin,
        end,
        workshop_id,
        after.due_on if after else None,
        after.id if after else None,
        limit,
    )


async def list_items(tx: Tx, vehicle_id: UUID) -> list[Item]:
    """List what is due next on a vehicle, soonest first."""
    return await tx.all(
        Item,
        """
        SELECT id, kind, rule_id, name, due_on, due_at_kilometres, source
        FROM crm.vehicle_due_items
        WHERE organization_id = $1 AND vehicle_id = $2 AND done_at IS NULL
        ORDER BY due_on NULLS LAST, kind, id
        """,
        tx.organization_id,
        vehicle_id,
    )


async def list_rules_in_force(tx: Tx, vehicle_id: UUID, vehicle_class: str) -> list[RuleInForce]:
    """List the rules that count for a vehicle, each with the last work by it."""
    return await tx.all(
        RuleInForce,
        """
        SELECT r.id, r.kind, r.name, r.vehicle_class, r.first_months, r.next_months, r.kilometres, r.calendar_months,
            r.is_active, r.created_at, r.updated_at, r.revision, w.done_on, w.kilometres AS done_at_kilometres
        FROM crm.due_rules r
        LEFT JOIN LATERAL (
            SELECT done_on, kilometres
            FROM crm.vehicle_works
            WHERE organization_id = $1 AND vehicle_id = $2 AND rule_id = r.id AND passed
            ORDER BY done_on DESC, id DESC
            LIMIT 1
        ) w ON true
        WHERE r.organization_id = $1 AND r.is_active AND (r.vehicle_class IS NULL OR r.vehicle_class = $3)
        """,
        tx.organization_id,
        vehicle_id,
        vehicle_class,
    )


async def find_last_au(tx: Tx, vehicle_id: UUID) -> date | None:
    """Find when the exhaust of a vehicle was last measured and found in order."""
    return await tx.value(
        date,
        """
        SELECT max(done_on)
        FROM crm.vehicle_works
        WHERE organization_id = $1 AND vehicle_id = $2 AND kind = 'au' AND passed
        """,
        tx.organization_id,
        vehicle_id,
    )


async def insert_items(tx: Tx, vehicle_id: UUID, wanted: list[Wanted], now: datetime) -> None:
    """Open what is due next on a vehicle; what is open already takes the new date."""
    await tx.execute(
        """
        INSERT INTO crm.vehicle_due_items AS i
            (organization_id, id, vehicle_id, workshop_id, kind, rule_id, name, due_on, due_at_kilometres, source,
            created_at, updated_at)
        SELECT v.organization_id, w.id, v.id, v.workshop_id, w.kind, w.rule_id, w.name, w.due_on, w.due_at_kilometres,
            w.source, $10, $10
        FROM crm.customer_vehicles v
        CROSS JOIN unnest($3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::date[], $8::int[], $9::text[])
            AS w (id, kind, rule_id, name, due_on, due_at_kilometres, source)
        WHERE v.organization_id = $1 AND v.id = $2
        ON CONFLICT (organization_id, vehicle_id, kind, rule_id) WHERE done_at IS NULL
        DO UPDATE SET due_on = EXCLUDED.due_on, due_at_kilometres = EXCLUDED.due_at_kilometres,
            source = EXCLUDED.source, name = EXCLUDED.name, updated_at = EXCLUDED.updated_at, revision = i.revision + 1
        WHERE (i.due_on, i.due_at_kilometres, i.source, i.name)
            IS DISTINCT FROM (EXCLUDED.due_on, EXCLUDED.due_at_kilometres, EXCLUDED.source, EXCLUDED.name)
        """,
        tx.organization_id,
        vehicle_id,
        [new_id() for _ in wanted],
        [each.kind for each in wanted],
        [each.rule_id for each in wanted],
        [each.name for each in wanted],
        [each.due_on for each in wanted],
        [each.due_at_kilometres for each in wanted],
        [each.source for each in wanted],
        now,
    )


async def delete_other_items(tx: Tx, vehicle_id: UUID, wanted: list[Wanted]) -> None:
    """Delete what is open on a vehicle and no longer due by any rule."""
    await tx.execute(
        """
        DELETE FROM crm.vehicle_due_items i
        WHERE i.organization_id = $1 AND i.vehicle_id = $2 AND i.done_at IS NULL
            AND NOT EXISTS (
                SELECT
                FROM unnest($3::text[], $4::uuid[]) AS w (kind, rule_id)
                WHERE w.kind = i.kind AND w.rule_id IS NOT DISTINCT FROM i.rule_id
            )
        """,
        tx.organization_id,
        vehicle_id,
        [each.kind for each in wanted],
        [each.rule_id for each in wanted],
    )


async def mark_items_done(tx: Tx, work: Work, now: datetime) -> None:
    """Close what a work has done: an inspection also closes the measuring of the exhaust that is part of it."""
    await tx.execute(
        """
        UPDATE crm.vehicle_due_items
        SET done_at = $5, updated_at = $5, revision = revision + 1
        WHERE organization_id = $1 AND vehicle_id = $2 AND done_at IS NULL
            AND (kind = $3 OR ($3 = 'hu' AND kind = 'au'))
            AND rule_id IS NOT DISTINCT FROM $4
        """,
        tx.organization_id,
        work.vehicle_id,
        work.kind,
        work.rule_id,
        now,
    )


async def insert_work(tx: Tx, vehicle_id: UUID, new: NewWork, now: datetime) -> Work | None:
    """Insert what was done on a vehicle, or return None if there is no such rule of that kind."""
    return await tx.first(
        Work,
        """
        INSERT INTO crm.vehicle_works
            (organization_id, id, vehicle_id, workshop_id, kind, rule_id, done_on, passed, kilometres, note, author_id,
            created_at)
        SELECT v.organization_id, $2, v.id, v.workshop_id, $4, $5, $6, $7, $8, $9, $10, $11
        FROM crm.customer_vehicles v
        WHERE v.organization_id = $1 AND v.id = $3
            AND ($5::uuid IS NULL
                OR EXISTS (SELECT FROM crm.due_rules WHERE organization_id = $1 AND id = $5 AND kind = $4))
        RETURNING id, vehicle_id, kind, rule_id, done_on, passed, kilometres, note, author_id, created_at
        """,
        tx.organization_id,
        new_id(),
        vehicle_id,
        new.kind,
        new.rule_id,
        new.done_on,
        new.passed,
        new.kilometres,
        new.note,
        tx.context.user_id,
        now,
    )


async def list_works(tx: Tx, vehicle_id: UUID, *, after: WorkPosition | None, limit: int) -> list[Work]:
    """List what was done on a vehicle, newest first."""
    return await tx.all(
        Work,
        """
        SELECT id, vehicle_id, kind, rule_id, done_on, passed, kilometres, note, author_id, created_at
        FROM crm.vehicle_works
        WHERE organization_id = $1 AND vehicle_id = $2
            AND ($3::date IS NULL OR (done_on, id) < ($3, $4::uuid))
        ORDER BY done_on DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        vehicle_id,
        after.done_on if after else None,
        after.id if after else None,
        limit,
    )


async def mark_announced(tx: Tx, *, begin: date, end: date, now: datetime) -> list[Announced]:
    """Take up to 500 items that fall due between two days and were never announced, and note that they are."""
    return await tx.all(
        Announced,
        """
        WITH taken AS (
            SELECT id, vehicle_id
            FROM crm.vehicle_due_items
            WHERE organization_id = $1 AND done_at IS NULL AND announced_at IS NULL AND due_on IS NOT NULL
                AND due_on >= $2 AND due_on <= $3
            ORDER BY due_on
            LIMIT 500
            FOR UPDATE SKIP LOCKED
        )
        UPDATE crm.vehicle_due_items i
        SET announced_at = $4
        FROM taken t
        JOIN crm.customer_vehicles v ON v.organization_id = $1 AND v.id = t.vehicle_id
        LEFT JOIN crm.vehicle_ownerships o
            ON o.organization_id = v.organization_id AND o.vehicle_id = v.id AND o.ends_on IS NULL
        WHERE i.organization_id = $1 AND i.id = t.id
        RETURNING i.vehicle_id, i.workshop_id, o.customer_id, i.kind, i.due_on, v.revision
        """,
        tx.organization_id,
        begin,
        end,
        now,
    )


async def list_rules(tx: Tx, *, after: Position | None, limit: int) -> list[Rule]:
    """List an organisation's own rules, newest first."""
    return await tx.all(
        Rule,
        """
        SELECT id, kind, name, vehicle_class, first_months, next_months, kilometres, calendar_months, is_active,
            created_at, updated_at, revision
        FROM crm.due_rules
        WHERE organization_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
        ORDER BY created_at DESC, id DESC
        LIMIT $4
        """,
        tx.organization_id,
        after.created_at if after else None,
        after.id if after else None,
        limit,
    )


async def lock_rule(tx: Tx, rule_id: UUID) -> Rule | None:
    """Find a rule and keep others from changing it until the transaction ends."""
    return await tx.first(
        Rule,
        """
        SELECT id, kind, name, vehicle_class, first_months, next_months, kilometres, calendar_months, is_active,
            created_at, updated_at, revision
        FROM crm.due_rules
        WHERE organization_id = $1 AND id = $2
        FOR UPDATE
        """,
        tx.organization_id,
        rule_id,
    )


async def insert_rule(tx: Tx, new: NewRule, now: datetime) -> Rule:
    """Insert a rule."""
    return await tx.one(
        Rule,
        """
        INSERT INTO crm.due_rules
            (organization_id, id, kind, name, vehicle_class, first_months, next_months, kilometres, calendar_months,
            created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
        RETURNING id, kind, name, vehicle_class, first_months, next_months, kilometres, calendar_months, is_active,
            created_at, updated_at, revision
        """,
        tx.organization_id,
        new_id(),
        new.kind,
        new.name,
        new.vehicle_class,
        new.first_months,
        new.next_months,
        new.kilometres,
        new.calendar_months,
        now,
    )


async def update_rule(tx: Tx, rule: Rule, now: datetime) -> Rule:
    """Store a rule that was locked."""
    return await tx.one(
        Rule,
        """
        UPDATE crm.due_rules
        SET name = $3, vehicle_class = $4, first_months = $5, next_months = $6, kilometres = $7, calendar_months = $8,
            is_active = $9, updated_at = $10, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, kind, name, vehicle_class, first_months, next_months, kilometres, calendar_months, is_active,
            created_at, updated_at, revision
        """,
        tx.organization_id,
        rule.id,
        rule.name,
        rule.vehicle_class,
        rule.first_months,
        rule.next_months,
        rule.kilometres,
        rule.calendar_months,
        rule.is_active,
        now,
    )
