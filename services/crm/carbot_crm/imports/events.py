"""What happens when the timer of an import is due."""

import asyncio
from time import monotonic

from carbot_core import timers
from carbot_core.context import Context
from carbot_core.service import Runtime
from carbot_core.timers import Due
from carbot_crm.imports import actions, queries
from carbot_crm.imports.files import FileRefused, read_table
from carbot_crm.imports.models import Failure, Table

TURN_SECONDS = 1.0
"""Other timers wait for as long."""


async def work_off(runtime: Runtime, due: Due) -> None:
    """Read the file, or go through its rows for a while: each batch in a transaction of its own."""
    context = Context(organization_id=due.organization_id)
    async with runtime.database.transaction(context, read_only=True) as tx:
        content = await queries.find_file(tx, due.key)
    if content is not None:
        await _read(runtime, due, content)
        return
    end, more = monotonic() + TURN_SECONDS, True
    while more and monotonic() < end:
        async with runtime.database.transaction(context) as tx:
            more = await actions.work_off_batch(tx, due.key, runtime.clock())
            if not more:
                await timers.finish(tx, due)
    if more:
        async with runtime.database.transaction(context) as tx:
            await timers.postpone(tx, due, runtime.clock())


async def _read(runtime: Runtime, due: Due, content: bytes) -> None:
    outcome: Table | Failure
    try:
        outcome = await asyncio.to_thread(read_table, content)
    except FileRefused as refused:
        outcome = refused.failure
    async with runtime.database.transaction(Context(organization_id=due.organization_id)) as tx:
        if not await timers.finish(tx, due):
            return
        if isinstance(outcome, Table):
            await actions.stage(tx, due.key, outcome, runtime.clock())
        else:
            await queries.delete_file(tx, due.key)
            await queries.mark_failed(tx, due.key, outcome, runtime.clock())
