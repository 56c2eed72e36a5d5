"""What is forgotten of imports: the rows, which hold what the file said of people."""

from datetime import datetime, timedelta

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.housekeeping import BATCH, list_tenants
from carbot_core.jobs import Job, Lease
from carbot_crm.imports.queries import delete_old_rows

ROWS_KEPT = timedelta(days=30)


async def forget(database: Database, lease: Lease, now: datetime) -> None:
    """Delete the rows of imports that were begun long ago, one organisation after the other."""
    for organization_id in await list_tenants(database):
        deleted = BATCH
        while deleted == BATCH:
            await lease.renew()
            async with database.transaction(Context(organization_id=organization_id)) as tx:
                deleted = await delete_old_rows(tx, before=now - ROWS_KEPT)


FORGET_ROWS = Job("forget-import-rows", timedelta(days=1), forget)
