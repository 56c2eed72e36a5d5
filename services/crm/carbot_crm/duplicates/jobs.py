"""Looking for pairs once a day."""

from datetime import datetime, timedelta

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.housekeeping import list_tenants
from carbot_core.jobs import Job, Lease
from carbot_crm.duplicates import actions


async def find_pairs(database: Database, lease: Lease, now: datetime) -> None:
    """Compare the customers of each organisation, one after the other."""
    for organization_id in await list_tenants(database):
        await lease.renew()
        async with database.transaction(Context(organization_id=organization_id)) as tx:
            await actions.look_for_pairs(tx, now)


FIND_PAIRS = Job("find-duplicate-customers", timedelta(days=1), find_pairs)
