"""Telling once a day what falls due."""

from datetime import datetime, timedelta
from typing import Final

from carbot_contracts.crm import VehicleDue
from carbot_core import outbox
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.housekeeping import BATCH, list_tenants
from carbot_core.jobs import Job, Lease
from carbot_crm.due import queries

AHEAD: Final = timedelta(days=42)
"""Six weeks: time to write to the owner and to find a day."""
BEHIND: Final = timedelta(days=62)
"""What is longer overdue, as after an import of old data, is no news; two months are what the law bears without more than a fine."""


async def announce_due(database: Database, lease: Lease, now: datetime) -> None:
    """Announce each item that falls due within six weeks, once, one organisation after the other."""
    for organization_id in await list_tenants(database):
        taken = BATCH
        while taken == BATCH:
            await lease.renew()
            async with database.transaction(Context(organization_id=organization_id)) as tx:
                due = await queries.mark_announced(tx, begin=(now - BEHIND).date(), end=(now + AHEAD).date(), now=now)
                for each in due:
                    event = VehicleDue(
                        vehicle_id=each.vehicle_id,
                        workshop_id=each.workshop_id,
                        customer_id=each.customer_id,
                        kind=each.kind,
                        due_on=each.due_on,
                    )
                    await outbox.add(tx, event, version=each.revision)
            taken = len(due)


ANNOUNCE_DUE = Job("announce-due-vehicles", timedelta(days=1), announce_due)
