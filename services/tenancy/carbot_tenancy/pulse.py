"""The pulse by which every api knows that it would learn of a revocation."""

import asyncio
from typing import Any

import structlog

from carbot_core import outbox
from carbot_core.auth import revocations
from carbot_core.context import Context
from carbot_core.errors import Unavailable
from carbot_core.ids import OPERATOR
from carbot_core.service import Runtime

log = structlog.get_logger()


async def beat(runtime: Runtime, _stream: Any) -> None:
    """Revoke nothing, again and again, on the way that every revocation takes: outbox, broker, each service's own table."""
    while True:
        now = runtime.clock()
        try:
            async with runtime.database.transaction(Context(organization_id=OPERATOR)) as tx:
                await outbox.add(tx, revocations.pulse(now), version=int(now.timestamp() * 1000))
        except Unavailable as refusal:
            log.warning("pulse_missed", reason=refusal.code())
        await asyncio.sleep(revocations.PULSE_SECONDS)
