"""What the gate asks of the tables."""

from uuid import UUID

from carbot_core.db import Tx
from carbot_crm.send_gate.models import AddressRecord, Channel, Purpose, Recipient


async def find_recipient(tx: Tx, customer_id: UUID) -> Recipient | None:
    """Find a customer with the names to write in; None if there is no such customer, or one that was merged into another."""
    return await tx.first(
        Recipient,
        """
        SELECT c.id, c.first_name, c.last_name, c.company, c.email, c.phone, c.language,
            c.restricted_at IS NOT NULL AS is_restricted, w.name AS workshop_name, o.legal_name AS organization_name,
            o.status AS organization_status
        FROM crm.customers c
        JOIN crm.organizations o ON o.organization_id = c.organization_id
        LEFT JOIN crm.workshops w ON w.organization_id = c.organization_id AND w.id = c.workshop_id
        WHERE c.organization_id = $1 AND c.id = $2 AND c.merged_into IS NULL
        """,
        tx.organization_id,
        customer_id,
    )


async def find_address_record(
    tx: Tx, customer_id: UUID, channel: Channel, purpose: Purpose, address_hash: bytes
) -> AddressRecord:
    """Find what counts for a customer's address; raise LookupError if the caller sees no such customer.

    Of one who others were merged into, what they said counts too: the last word since the merge, else the stricter.
    """
    return await tx.one(
        AddressRecord,
        """
        WITH RECURSIVE persons (id, joined_at) AS (
            SELECT c.id, '-infinity'::timestamptz
            FROM crm.customers c
            WHERE c.organization_id = $1 AND c.id = $2
            UNION ALL
            SELECT m.merged_id, GREATEST(p.joined_at, m.created_at)
            FROM persons p
            JOIN crm.customer_merges m
                ON m.organization_id = $1 AND m.survivor_id = p.id AND m.undone_at IS NULL
        ), joined AS (
            SELECT max(joined_at) AS at
            FROM persons
        ), said AS (
            SELECT k.state, k.source, k.address_hash = $5 AS is_of_address, k.occurred_at, k.occurred_at > joined.at AS is_since
            FROM persons p
            CROSS JOIN joined
            JOIN crm.consents k
                ON k.organization_id = $1 AND k.customer_id = p.id AND k.channel = $3 AND k.purpose = $4
        ), objections AS (
            SELECT o.customer_id, o.occurred_at
            FROM persons p
            JOIN crm.consents o
                ON o.organization_id = $1 AND o.customer_id = p.id AND o.channel = $3 AND o.purpose = 'all'
        )
        SELECT
            EXISTS (
                SELECT
                FROM crm.suppressions s
                WHERE s.organization_id = $1 AND s.channel = $3 AND s.address_hash = $5 AND s.reason = 'bounce'
            ) AS has_bounced,
            (
                SELECT s.effective_at
                FROM crm.suppressions s
                WHERE s.organization_id = $1 AND s.channel = $3 AND s.address_hash = $5 AND s.reason = 'objection'
            ) AS suppressed_at,
            (
                SELECT max(
                    CASE WHEN lifted.customer_id IS NULL THEN GREATEST(o.occurred_at, joined.at) ELSE o.occurred_at END
                )
                FROM objections o
                CROSS JOIN joined
                LEFT JOIN crm.consents lifted
                    ON lifted.organization_id = $1 AND lifted.customer_id = o.customer_id AND lifted.channel = $3
                    AND lifted.purpose = $4 AND lifted.occurred_at > o.occurred_at
            ) AS objected_at,
            k.state, k.source, k.is_of_address, k.occurred_at,
            ARRAY(
                SELECT DISTINCT a.goods
                FROM persons p
                JOIN crm.sale_addresses a ON a.organization_id = $1 AND a.customer_id = p.id
                WHERE a.channel = $3 AND a.address_hash = $5 AND a.notice_version IS NOT NULL
            ) AS noticed,
            ARRAY(
                SELECT DISTINCT a.goods
                FROM persons p
                JOIN crm.sale_addresses a ON a.organization_id = $1 AND a.customer_id = p.id
                WHERE a.channel = $3 AND a.address_hash = $5 AND a.notice_version IS NULL
            ) AS unnoticed
        FROM crm.customers c
        LEFT JOIN LATERAL (
            SELECT state, source, is_of_address, occurred_at
            FROM said
            ORDER BY is_since DESC, CASE WHEN is_since THEN occurred_at END DESC, state = 'withdrawn' DESC,
                is_of_address DESC NULLS LAST, state = 'granted' DESC, occurred_at DESC
            LIMIT 1
        ) k ON true
        WHERE c.organization_id = $1 AND c.id = $2
        """,
        tx.organization_id,
        customer_id,
        channel,
        purpose,
        address_hash,
    )
