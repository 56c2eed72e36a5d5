"""Registrations that nobody proved: what happens when their time is over."""

from carbot_core import timers
from carbot_core.context import Context
from carbot_core.service import Runtime
from carbot_core.timers import Due
from carbot_tenancy.mails.queries import delete_mails
from carbot_tenancy.registrations import queries


async def expire_registration(runtime: Runtime, due: Due) -> None:
    """Delete a registration and its mails; nothing is left of an organisation that never came to be."""
    async with runtime.database.transaction(Context(organization_id=due.organization_id)) as tx:
        if await timers.finish(tx, due) and await queries.delete_registration(tx, due.key) is not None:
            await delete_mails(tx)
