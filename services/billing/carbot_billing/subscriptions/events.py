"""What tenancy's events and the clock do to subscriptions."""

from carbot_billing.subscriptions import actions
from carbot_contracts.tenancy import OrganizationState
from carbot_core import timers
from carbot_core.consume import Envelope
from carbot_core.context import Context
from carbot_core.db import Tx
from carbot_core.service import Runtime
from carbot_core.timers import Due

_LEAVING = frozenset({"closing", "erased"})


async def begin_trial(tx: Tx, event: OrganizationState, envelope: Envelope) -> None:
    """Let the trial begin for an organisation that is new to us; one that is leaving gets none."""
    if event.status not in _LEAVING:
        await actions.begin_trial(tx, event.registered_at, envelope.occurred_at)


async def end_trial(runtime: Runtime, due: Due) -> None:
    """End a trial whose time has come."""
    async with runtime.database.transaction(Context(organization_id=due.organization_id)) as tx:
        if await timers.finish(tx, due):
            await actions.end_trial(tx, due.key, runtime.clock())
