"""What is forgotten of webhooks: the log of deliveries."""

from datetime import datetime, timedelta

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.housekeeping import BATCH, list_tenants
from carbot_core.jobs import Job, Lease
from carbot_crm.webhooks.queries import delete_old_deliveries

DELIVERIES_KEPT = timedelta(days=30)


async def forget(database: Database, lease: Lease, now: datetime) -> None:
    """Delete deliveries that ended long ago, one organisation after the other."""
    for organization_id in await list_tenants(database):
        deleted = BATCH
        while deleted == BATCH:
            await lease.renew()
            async with database.transaction(Context(organization_id=organization_id)) as tx:
                deleted = await delete_old_deliveries(tx, before=now - DELIVERIES_KEPT)


FORGET_DELIVERIES = Job("forget-webhook-deliveries", timedelta(days=1), forget)
