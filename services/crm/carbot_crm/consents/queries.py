"""Consents in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_contracts.crm import ConsentChanged
from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_crm.consents.models import ConsentPosition, ConsentRecord, NewSaleAddress, SaleAddress
from carbot_crm.send_gate.models import Channel


async def lock_customer(tx: Tx, customer_id: UUID) -> bool:
    """Keep others from recording what the customer says until the transaction ends; return False if there is no such customer."""
    return bool(
        await tx.value(
            bool,
            """
            SELECT true
            FROM crm.customers
            WHERE organization_id = $1 AND id = $2
            FOR NO KEY UPDATE
            """,
            tx.organization_id,
            customer_id,
        )
    )


async def insert_record(
    tx: Tx, said: ConsentChanged, address_hash: bytes | None, *, author_id: UUID | None, now: datetime
) -> ConsentRecord:
    """Insert what a customer said, whose row is locked."""
    return await tx.one(
        ConsentRecord,
        """
        INSERT INTO crm.consent_records
            (organization_id, id, workshop_id, customer_id, version, channel, purpose, state, source, text_version,
            address_hash, author_id, occurred_at, created_at)
        SELECT c.organization_id, $2, c.workshop_id, c.id,
            1 + COALESCE(
                (SELECT max(r.version) FROM crm.consent_records r WHERE r.organization_id = $1 AND r.customer_id = $3), 0
            ),
            $4, $5, $6, $7, $8, $9, $10, $11, $12
        FROM crm.customers c
        WHERE c.organization_id = $1 AND c.id = $3
        RETURNING id, customer_id, version, channel, purpose, state, source, text_version, author_id, occurred_at, created_at
        """,
        tx.organization_id,
        said.record_id,
        said.customer_id,
        said.channel,
        said.purpose,
        said.state,
        said.source,
        said.text_version,
        address_hash,
        author_id,
        said.occurred_at,
        now,
    )


async def find_last_record(tx: Tx, customer_id: UUID, channel: Channel) -> ConsentRecord | None:
    """Find what a customer last said of a channel, whatever the purpose."""
    return await tx.first(
        ConsentRecord,
        """
        SELECT id, customer_id, version, channel, purpose, state, source, text_version, author_id, occurred_at, created_at
        FROM crm.consent_records
        WHERE organization_id = $1 AND customer_id = $2 AND channel = $3
        ORDER BY version DESC
        LIMIT 1
        """,
        tx.organization_id,
        customer_id,
        channel,
    )


async def list_records(tx: Tx, customer_id: UUID, *, after: ConsentPosition | None, limit: int) -> list[ConsentRecord]:
    """List what a customer said, newest first."""
    return await tx.all(
        ConsentRecord,
        """
        SELECT id, customer_id, version, channel, purpose, state, source, text_version, author_id, occurred_at, created_at
        FROM crm.consent_records
        WHERE organization_id = $1 AND customer_id = $2 AND ($3::bigint IS NULL OR version < $3)
        ORDER BY version DESC
        LIMIT $4
        """,
        tx.organization_id,
        customer_id,
        after.version if after else None,
        limit,
    )


async def project_consent(tx: Tx, said: ConsentChanged, address_hash: bytes | None, version: int) -> None:
    """Take over what a customer said if it is newer than what is known; of somebody who is gone, nothing."""
    await tx.execute(
        """
        INSERT INTO crm.consents
            (organization_id, customer_id, workshop_id, channel, purpose, state, source, address_hash, occurred_at, version)
        SELECT c.organization_id, c.id, c.workshop_id, $3, $4, $5, $6, $7, $8, $9
        FROM crm.customers c
        WHERE c.organization_id = $1 AND c.id = $2
        ON CONFLICT (organization_id, customer_id, channel, purpose) DO UPDATE
        SET state = EXCLUDED.state, source = EXCLUDED.source, address_hash = EXCLUDED.address_hash,
            occurred_at = EXCLUDED.occurred_at, version = EXCLUDED.version
        WHERE consents.version < EXCLUDED.version
        """,
        tx.organization_id,
        said.customer_id,
        said.channel,
        said.purpose,
        said.state,
        said.source,
        address_hash,
        said.occurred_at,
        version,
    )


async def suppress(tx: Tx, channel: str, address_hash: bytes, reason: str, *, since: datetime, now: datetime) -> None:
    """Let an address be written to no more; a later reason of the same kind counts from then."""
    await tx.execute(
        """
        INSERT INTO crm.suppressions (organization_id, id, channel, address_hash, reason, effective_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (organization_id, channel, address_hash, reason) DO UPDATE
        SET effective_at = EXCLUDED.effective_at
        WHERE suppressions.effective_at < EXCLUDED.effective_at
        """,
        tx.organization_id,
        new_id(),
        channel,
        address_hash,
        reason,
        since,
        now,
    )


async def insert_sale_address(
    tx: Tx, customer_id: UUID, new: NewSaleAddress, address_hash: bytes, now: datetime
) -> SaleAddress:
    return await tx.one(
        SaleAddress,
        """
        INSERT INTO crm.sale_addresses
            (organization_id, id, workshop_id, customer_id, channel, address_hash, goods, sold_on, notice_version, author_id,
            created_at)
        SELECT c.organization_id, $2, c.workshop_id, c.id, $4, $5, $6, $7, $8, $9, $10
        FROM crm.customers c
        WHERE c.organization_id = $1 AND c.id = $3
        RETURNING id, customer_id, channel, goods, sold_on, notice_version, author_id, created_at
        """,
        tx.organization_id,
        new_id(),
        customer_id,
        new.channel,
        address_hash,
        new.goods,
        new.sold_on,
        new.notice_version,
        tx.context.user_id,
        now,
    )


async def has_objected(tx: Tx, channel: Channel, address_hash: bytes) -> bool:
    """Tell whether an address gets advertising no more."""
    return (
        await tx.value(
            bool,
            """
            SELECT true
            FROM crm.suppressions
            WHERE organization_id = $1 AND channel = $2 AND address_hash = $3 AND reason = 'objection'
            """,
            tx.organization_id,
            channel,
            address_hash,
        )
        is True
    )
