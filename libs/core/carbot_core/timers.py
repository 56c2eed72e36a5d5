"""Timed work: rows that fall due. Workers take them across organisations, each with a lease, then act for that organisation."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import structlog

from carbot_core import telemetry
from carbot_core.clock import Clock
from carbot_core.context import Context
from carbot_core.db import Database, Tx
from carbot_core.errors import Unavailable

log = structlog.get_logger()

POLL_SECONDS = 0.5
REST_SECONDS = 0.1
"""How long it lets what is written next gather, however often it is woken."""
BATCH = 50
LEASE = timedelta(seconds=60)


class Due(msgspec.Struct, frozen=True):
    """A timer whose time has come; it comes again after the lease unless it is finished."""

    organization_id: UUID
    kind: str
    key: UUID
    attempts: int


type TimerHandler = Callable[[Due], Awaitable[None]]


async def start(tx: Tx, kind: str, key: UUID, due_at: datetime) -> None:
    """Let `kind` happen for `key` at that time, once; an earlier one of the same key is kept."""
    await tx.execute(
        """
        INSERT INTO timers (organization_id, kind, key, due_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
        """,
        tx.organization_id,
        kind,
        key,
        due_at,
    )
    tx.leaves_work = True


async def finish(tx: Tx, due: Due) -> bool:
    """End the timer in the transaction of its effect; False if another worker holds it now, and the effect must not be."""
    return bool(
        await tx.execute(
            """
            DELETE FROM timers
            WHERE organization_id = $1 AND kind = $2 AND key = $3 AND attempts = $4
            """,
            due.organization_id,
            due.kind,
            due.key,
            due.attempts,
        )
    )


async def postpone(tx: Tx, due: Due, due_at: datetime) -> None:
    """Let it come again at that time."""
    await tx.execute(
        """
        UPDATE timers
        SET due_at = $5
        WHERE organization_id = $1 AND kind = $2 AND key = $3 AND attempts = $4
        """,
        due.organization_id,
        due.kind,
        due.key,
        due.attempts,
        due_at,
    )


async def take(tx: Tx, now: datetime, kinds: list[str]) -> list[Due]:
    """Take due timers for the length of the lease."""
    return await tx.all(
        Due,
        """
        UPDATE timers
        SET due_at = $1 + $2::interval, attempts = attempts + 1
        WHERE (organization_id, kind, key) IN (
            SELECT organization_id, kind, key
            FROM timers
            WHERE due_at <= $1 AND kind = ANY ($3::text[])
            ORDER BY due_at
            LIMIT 50
            FOR UPDATE SKIP LOCKED
        )
        RETURNING organization_id, kind, key, attempts
        """,
        now,
        LEASE,
        kinds,
    )


class TimerLoop:
    """Takes due timers and lets them happen."""

    def __init__(self, database: Database, handlers: Mapping[str, TimerHandler], clock: Clock) -> None:
        self._database = database
        self._handlers = handlers
        self._clock = clock
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Take and act for ever; not at all if nothing can be due."""
        while self._handlers:
            self._woken.clear()
            try:
                taken = await self.fire()
            except Unavailable as refusal:
                log.warning("timers_wait", reason=refusal.code())
                taken = 0
            if taken < BATCH:
                await asyncio.sleep(REST_SECONDS)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), POLL_SECONDS)

    async def fire(self) -> int:
        """Let everything happen that is due; return how many timers were taken."""
        async with self._database.transaction(Context()) as tx:
            due = await take(tx, self._clock(), list(self._handlers))
        await asyncio.gather(*(self._fire_one(one) for one in due))
        return len(due)

    async def _fire_one(self, due: Due) -> None:
        try:
            await self._handlers[due.kind](due)
        except Exception as fault:  # noqa: BLE001 - one timer's fault must not stop the others; its lease brings it again
            log.error("timer_failed", kind=due.kind, attempts=due.attempts, fault=fault)
        else:
            telemetry.timers_fired.add(1, {"kind": due.kind})
