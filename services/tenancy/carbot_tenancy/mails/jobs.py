"""What is forgotten of mails: they hold addresses."""

from datetime import datetime, timedelta

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.housekeeping import BATCH, list_tenants
from carbot_core.ids import OPERATOR
from carbot_core.jobs import Job, Lease
from carbot_tenancy.mails.queries import delete_old_mails

MAILS_KEPT = timedelta(days=90)


async def forget(database: Database, lease: Lease, now: datetime) -> None:
    """Delete what was sent, or given up, long ago, one organisation after the other."""
    for organization_id in (OPERATOR, *await list_tenants(database)):
        deleted = BATCH
        while deleted == BATCH:
            await lease.renew()
            async with database.transaction(Context(organization_id=organization_id)) as tx:
                deleted = await delete_old_mails(tx, before=now - MAILS_KEPT)


FORGET_MAILS = Job("forget-mails", timedelta(days=1), forget)
