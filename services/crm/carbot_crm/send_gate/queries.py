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
    """Find what counts for a customer's address; raise LookupError if the caller sees no such customer."""
    return await tx.one(
        AddressRecord,
        """
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
                SELECT o.occurred_at
                FROM crm.consents o
                WHERE o.organization_id = $1 AND o.customer_id = $2 AND o.channel = $3 AND o.purpose = 'all'
            ) AS objected_at,
            k.state, k.source, k.address_hash = $5 AS is_of_address, k.occurred_at,
            ARRAY(
                SELECT DISTINCT a.goods
                FROM crm.sale_addresses a
                WHERE a.organization_id = $1 AND a.customer_id = $2 AND a.channel = $3 AND a.address_hash = $5
                    AND a.notice_version IS NOT NULL
            ) AS noticed,
            ARRAY(
                SELECT DISTINCT a.goods
                FROM crm.sale_addresses a
                WHERE a.organization_id = $1 AND a.customer_id = $2 AND a.channel = $3 AND a.address_hash = $5
                    AND a.notice_version IS NULL
            ) AS unnoticed
        FROM crm.customers c
        LEFT JOIN crm.consents k ON k.organization_id = $1 AND k.customer_id = $2 AND k.channel = $3 AND k.purpose = $4
        WHERE c.organization_id = $1 AND c.id = $2
        """,
        tx.organization_id,
        customer_id,
        channel,
        purpose,
        address_hash,
    )
