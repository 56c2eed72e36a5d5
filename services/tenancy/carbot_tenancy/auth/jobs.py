"""What is forgotten by itself: failures and mails that no longer count, links that expired, sessions that ran out long ago."""

from datetime import datetime, timedelta

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.jobs import Job, Lease
from carbot_tenancy.accounts.queries import delete_old_tokens
from carbot_tenancy.auth.queries import delete_old_attempts
from carbot_tenancy.mails.queries import delete_old_counts
from carbot_tenancy.sessions.queries import delete_sessions

BATCH = 500
SESSIONS_KEPT = timedelta(days=30)
"""Long enough for a user to ask who was signed in."""


async def forget(database: Database, lease: Lease, now: datetime) -> None:
    """Delete in batches of 500 rows until nothing is left that is old enough."""
    for delete, before in (
        (delete_old_attempts, now),
        (delete_old_tokens, now),
        (delete_old_counts, now),
        (delete_sessions, now - SESSIONS_KEPT),
    ):
        deleted = BATCH
        while deleted == BATCH:
            await lease.renew()
            async with database.transaction(Context()) as tx:
                deleted = await delete(tx, before=before)


FORGET = Job("forget-sign-ins", timedelta(hours=1), forget)
