"""What billing's events and the clock do to organisations."""

from carbot_contracts.billing import SubscriptionChanged
from carbot_core import timers
from carbot_core.consume import Envelope
from carbot_core.context import Context
from carbot_core.db import Tx
from carbot_core.service import Runtime
from carbot_core.timers import Due
from carbot_tenancy.members.queries import list_user_ids
from carbot_tenancy.organizations import actions, erasure


async def follow_subscription(tx: Tx, event: SubscriptionChanged, envelope: Envelope) -> None:
    """Let the organisation stand as its subscription does."""
    await actions.follow_subscription(tx, event.status, envelope.version, envelope.occurred_at)


async def erase_due_organization(runtime: Runtime, due: Due) -> None:
    """Erase an organisation, then its users; begun again, go on where it ended.

    The timer is of the first closing: one that was reopened has none to come, one that was closed again has a later one.
    """
    database, context, now = runtime.database, Context(organization_id=due.organization_id), runtime.clock()
    async with database.transaction(context) as tx:
        organization = await erasure.erase_organization(tx, now)
        due_at = actions.erasure_due_at(organization) if organization is not None else None
        if organization is None or due_at is None:
            await timers.finish(tx, due)
            return
        if organization.status != "erased":
            await timers.postpone(tx, due, due_at)
            return
        user_ids = await list_user_ids(tx)
    for user_id in user_ids:
        async with database.transaction(Context(user_id=user_id)) as tx:
            await erasure.erase_user(tx, user_id, now)
    async with database.transaction(context) as tx:
        await timers.finish(tx, due)
