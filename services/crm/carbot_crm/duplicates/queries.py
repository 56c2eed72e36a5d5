"""Likely pairs in SQL."""

from datetime import datetime
from uuid import UUID

import msgspec

from carbot_core.db import Tx
from carbot_crm.duplicates.models import Facts, Pair, PairPosition, Score


class Found(msgspec.Struct, frozen=True):
    """A pair that is alike; first_id is the smaller one."""

    first_id: UUID
    second_id: UUID
    score: Score
    reasons: list[str]


async def list_ids_like(tx: Tx, customer_id: UUID) -> list[UUID]:
    """List who shares a key with a customer, or resembles the name; at most 200."""
    return (
        await tx.value(
            list[UUID],
            """
        WITH self AS MATERIALIZED (
            SELECT c.id, c.email, c.phone,
                crm.fold(COALESCE(c.company, concat_ws(' ', c.first_name, c.last_name))) AS name
            FROM crm.customers c
            WHERE c.organization_id = $1 AND c.id = $2
        ),
        alike AS (
            (SELECT c.id
            FROM self s
            JOIN crm.customers c ON c.organization_id = $1 AND c.email = s.email
            LIMIT 100)
            UNION
            (SELECT c.id
            FROM self s
            JOIN crm.customers c ON c.organization_id = $1 AND c.phone = s.phone
            LIMIT 100)
            UNION
            (SELECT o.customer_id
            FROM crm.vehicle_ownerships mine
            JOIN crm.customer_vehicles m ON m.organization_id = $1 AND m.id = mine.vehicle_id
            JOIN crm.customer_vehicles v ON v.organization_id = $1 AND (v.vin = m.vin OR v.plate_key = m.plate_key)
            JOIN crm.vehicle_ownerships o ON o.organization_id = $1 AND o.vehicle_id = v.id AND o.ends_on IS NULL
            WHERE mine.organization_id = $1 AND mine.customer_id = $2 AND mine.ends_on IS NULL
            LIMIT 100)
            UNION
            (SELECT c.id
            FROM self s
            JOIN crm.customers c ON c.organization_id = $1 AND c.merged_into IS NULL AND c.search %> s.name
            LIMIT 100)
        )
        SELECT array_agg(a.id)
        FROM alike a
        JOIN crm.customers c ON c.organization_id = $1 AND c.id = a.id AND c.merged_into IS NULL
        WHERE a.id <> $2
        """,
            tx.organization_id,
            customer_id,
        )
        or []
    )


async def list_pairs(tx: Tx) -> list[tuple[UUID, UUID]]:
    """List the pairs of an organisation worth comparing: a common key, or one name part and postal code alike."""
    rows = await tx.all(
        _Ids,
        """
        WITH known AS MATERIALIZED (
            SELECT c.id, c.email, c.phone, c.postal_code,
                crm.fold(COALESCE(c.company, c.last_name)) AS name, crm.fold(COALESCE(c.first_name, '')) AS first_name
            FROM crm.customers c
            WHERE c.organization_id = $1 AND c.merged_into IS NULL
        ),
        owned AS MATERIALIZED (
            SELECT o.customer_id AS id, v.vin, v.plate_key
            FROM crm.vehicle_ownerships o
            JOIN crm.customer_vehicles v ON v.organization_id = $1 AND v.id = o.vehicle_id
            WHERE o.organization_id = $1 AND o.ends_on IS NULL
        )
        SELECT a.id AS first_id, b.id AS second_id FROM known a JOIN known b ON b.email = a.email AND b.id > a.id
        UNION
        SELECT a.id, b.id FROM known a JOIN known b ON b.phone = a.phone AND b.id > a.id
        UNION
        SELECT a.id, b.id FROM owned a JOIN owned b ON b.vin = a.vin AND b.id > a.id
        UNION
        SELECT a.id, b.id FROM owned a JOIN owned b ON b.plate_key = a.plate_key AND b.id > a.id
        UNION
        SELECT a.id, b.id FROM known a JOIN known b
            ON b.postal_code = a.postal_code AND left(b.name, 1) = left(a.name, 1) AND b.id > a.id
            AND left(b.first_name, 1) = left(a.first_name, 1)
        UNION
        SELECT a.id, b.id FROM known a JOIN known b
            ON b.name = a.name AND b.first_name = a.first_name AND b.id > a.id
        LIMIT 200000
        """,
        tx.organization_id,
    )
    return [(row.first_id, row.second_id) for row in rows]


class _Ids(msgspec.Struct, frozen=True):
    first_id: UUID
    second_id: UUID


async def list_facts(tx: Tx, customer_ids: list[UUID]) -> list[Facts]:
    """List what is compared of customers."""
    return await tx.all(
        Facts,
        """
        SELECT c.id, c.kind, crm.fold(COALESCE(c.first_name, '')) AS first_name,
            crm.fold(COALESCE(c.last_name, '')) AS last_name, crm.fold(COALESCE(c.company, '')) AS company, c.email, c.phone,
            crm.fold(COALESCE(c.street, '')) AS street, c.postal_code,
            COALESCE(array_agg(v.vin) FILTER (WHERE v.vin IS NOT NULL), '{}') AS vins,
            COALESCE(array_agg(v.plate_key) FILTER (WHERE v.plate_key IS NOT NULL), '{}') AS plates
        FROM crm.customers c
        LEFT JOIN crm.vehicle_ownerships o
            ON o.organization_id = c.organization_id AND o.customer_id = c.id AND o.ends_on IS NULL
        LEFT JOIN crm.customer_vehicles v ON v.organization_id = o.organization_id AND v.id = o.vehicle_id
        WHERE c.organization_id = $1 AND c.id = ANY($2::uuid[])
        GROUP BY c.organization_id, c.id
        """,
        tx.organization_id,
        customer_ids,
    )


async def insert_pairs(tx: Tx, found: list[Found], now: datetime) -> None:
    """Store pairs; what was dismissed stays so."""
    await tx.execute(
        """
        INSERT INTO crm.customer_duplicates AS d
            (organization_id, first_id, second_id, score, reasons, created_at, updated_at)
        SELECT $1, f.first_id, f.second_id, f.score, string_to_array(f.reasons, ','), $6, $6
        FROM unnest($2::uuid[], $3::uuid[], $4::int[], $5::text[]) AS f (first_id, second_id, score, reasons)
        ON CONFLICT (organization_id, first_id, second_id)
        DO UPDATE SET score = EXCLUDED.score, reasons = EXCLUDED.reasons, updated_at = $6, revision = d.revision + 1
        WHERE (d.score, d.reasons) IS DISTINCT FROM (EXCLUDED.score, EXCLUDED.reasons)
        """,
        tx.organization_id,
        [each.first_id for each in found],
        [each.second_id for each in found],
        [each.score for each in found],
        [",".join(each.reasons) for each in found],
        now,
    )


async def delete_other_pairs(tx: Tx, found: list[Found]) -> int:
    """Delete pairs that are alike no more and were not dismissed; return how many."""
    return await tx.execute(
        """
        DELETE FROM crm.customer_duplicates d
        WHERE d.organization_id = $1 AND d.dismissed_at IS NULL
            AND NOT EXISTS (
                SELECT
                FROM unnest($2::uuid[], $3::uuid[]) AS f (first_id, second_id)
                WHERE f.first_id = d.first_id AND f.second_id = d.second_id
            )
        """,
        tx.organization_id,
        [each.first_id for each in found],
        [each.second_id for each in found],
    )


async def list_duplicates(tx: Tx, *, after: PairPosition | None, limit: int) -> list[Pair]:
    """List the pairs that nobody dismissed or merged, the most alike first."""
    return await tx.all(
        Pair,
        """
        SELECT d.first_id, COALESCE(a.company, concat_ws(' ', a.first_name, a.last_name)) AS first_name,
            d.second_id, COALESCE(b.company, concat_ws(' ', b.first_name, b.last_name)) AS second_name,
            d.score, d.reasons
        FROM crm.customer_duplicates d
        JOIN crm.customers a ON a.organization_id = d.organization_id AND a.id = d.first_id AND a.merged_into IS NULL
        JOIN crm.customers b ON b.organization_id = d.organization_id AND b.id = d.second_id AND b.merged_into IS NULL
        WHERE d.organization_id = $1 AND d.dismissed_at IS NULL
            AND ($2::int IS NULL OR d.score < $2 OR (d.score = $2 AND (d.first_id, d.second_id) > ($3, $4::uuid)))
        ORDER BY d.score DESC, d.first_id, d.second_id
        LIMIT $5
        """,
        tx.organization_id,
        after.score if after else None,
        after.first_id if after else None,
        after.second_id if after else None,
        limit,
    )


async def mark_dismissed(tx: Tx, first_id: UUID, second_id: UUID, now: datetime) -> bool:
    """Note that two are not the same; False if they are no pair that the caller sees."""
    return bool(
        await tx.execute(
            """
            UPDATE crm.customer_duplicates d
            SET dismissed_at = COALESCE(d.dismissed_at, $4), updated_at = $4, revision = d.revision + 1
            FROM crm.customers a, crm.customers b
            WHERE d.organization_id = $1 AND d.first_id = $2 AND d.second_id = $3
                AND a.organization_id = $1 AND a.id = $2 AND b.organization_id = $1 AND b.id = $3
            """,
            tx.organization_id,
            first_id,
            second_id,
            now,
        )
    )
