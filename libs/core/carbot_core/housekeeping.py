"""What every service forgets by itself: answers to old idempotency keys, old inbox rows, revocations that no token can meet."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from carbot_core import inbox
from carbot_core.auth import revocations
from carbot_core.context import Context
from carbot_core.db import Database, Tx
from carbot_core.jobs import Job, Lease

BATCH = 500
INBOX_KEPT = timedelta(days=17)
"""As long as the outbox keeps what can be published again (up to 9 days), and a stream what was published again on the last of them."""
REVOCATIONS_KEPT = timedelta(hours=24)
"""Longer than any access token lives."""


class Tenant(msgspec.Struct, frozen=True):
    """An organisation, by id alone."""

    organization_id: UUID


async def list_tenants(database: Database) -> list[UUID]:
    """List every organisation that the service knows."""
    async with database.transaction(Context(), read_only=True) as tx:
        tenants = await tx.all(Tenant, "SELECT organization_id FROM tenants ORDER BY organization_id")
    return [tenant.organization_id for tenant in tenants]


async def forget_answers(tx: Tx, *, before: datetime) -> int:
    """Delete answers whose day is over; return how many rows, at most 500."""
    return await tx.execute(
        """
        DELETE FROM idempotency_keys
        WHERE (organization_id, principal, key_hash) IN (
            SELECT organization_id, principal, key_hash FROM idempotency_keys WHERE expires_at < $1 LIMIT 500
        )
        """,
        before,
    )


async def run(database: Database, lease: Lease, now: datetime) -> None:
    """Delete in batches of 500 rows until nothing is left that is old enough."""
    for forget, before in (
        (forget_answers, now),
        (inbox.forget, now - INBOX_KEPT),
        (revocations.forget, now - REVOCATIONS_KEPT),
    ):
        deleted = BATCH
        while deleted == BATCH:
            await lease.renew()
            async with database.transaction(Context()) as tx:
                deleted = await forget(tx, before=before)


JOB = Job("housekeeping", timedelta(hours=1), run)
