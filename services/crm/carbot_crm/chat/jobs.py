"""What is forgotten of conversations."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.housekeeping import BATCH, list_tenants
from carbot_core.jobs import Job, Lease
from carbot_core.web import tickets
from carbot_crm.chat.queries import delete_sessions

CHATS_KEPT = timedelta(days=90)
LETTERS_KEPT_YEARS = 6
"""Section 147(3) AO, 257(4) HGB: counted from the end of the calendar year."""
LAW = ZoneInfo("Europe/Berlin")


def letters_before(now: datetime) -> datetime:
    """Return the moment before which a trade letter's years are over."""
    return datetime(now.astimezone(LAW).year - LETTERS_KEPT_YEARS, 1, 1, tzinfo=LAW)


async def forget(database: Database, lease: Lease, now: datetime) -> None:
    """Delete conversations whose time is over and tickets that nobody used, one organisation after the other."""
    for organization_id in await list_tenants(database):
        context = Context(organization_id=organization_id)
        deleted = BATCH
        while deleted == BATCH:
            await lease.renew()
            async with database.transaction(context) as tx:
                deleted = await delete_sessions(tx, chats_before=now - CHATS_KEPT, letters_before=letters_before(now))
        async with database.transaction(context) as tx:
            await tickets.forget(tx, before=now)


FORGET_CHATS = Job("forget-chats", timedelta(days=1), forget)
