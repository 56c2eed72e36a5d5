"""Telling that a follow-up is due: what happens when its timer is."""

from carbot_contracts.crm import FollowUpDue
from carbot_core import outbox, timers
from carbot_core.context import Context
from carbot_core.service import Runtime
from carbot_core.timers import Due
from carbot_crm.follow_ups import queries


async def remind(runtime: Runtime, due: Due) -> None:
    """Announce the follow-up of a reminder, once; one that was put off, done or cancelled meanwhile has another or none."""
    async with runtime.database.transaction(Context(organization_id=due.organization_id)) as tx:
        if not await timers.finish(tx, due):
            return
        reminded = await queries.mark_reminded(tx, due.key)
        if reminded is not None:
            event = FollowUpDue(task_id=reminded.id, lead_id=reminded.lead_id, workshop_id=reminded.workshop_id)
            await outbox.add(tx, event, version=reminded.revision)
