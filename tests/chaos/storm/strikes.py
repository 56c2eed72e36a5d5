"""Striking: each lane of the schedule runs by itself, and what really struck is counted."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import LiteralString, cast

import asyncpg

from carbot_testing.fault_proxy import Kind
from tests.chaos.storm.schedule import NETWORK, Blow
from tests.chaos.storm.stack import Program, Stack

_SEARCH_SECONDS = 15.0
_LINKS_TRIED = 4
_LOOK_SECONDS = 0.01

# A lock on a bigint shows its two halves.
_LEADERS: LiteralString = """
    SELECT DISTINCT a.application_name
    FROM pg_locks l
    JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
        AND (l.classid::bigint << 32 | l.objid::bigint) IN (
            SELECT hashtextextended('carbot.relay.' || service || '.' || lane, 0)
            FROM unnest($1::text[]) AS service, unnest(ARRAY['events', 'audit']) AS lane
        )
    ORDER BY 1
"""


class Strikes:
    """Executes a schedule on a stack."""

    def __init__(self, stack: Stack, tell: Callable[[str], None]) -> None:
        self._stack = stack
        self._tell = tell
        self.fired: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()

    async def run(self, schedule: dict[str, list[Blow]], latest_seconds: float) -> None:
        """Strike until the schedule has ended; a lane that is late hurries on, until the latest moment."""
        started = monotonic()

        async def follow(lane: list[Blow]) -> None:
            for blow in lane:
                if monotonic() - started > latest_seconds:
                    self.missed[blow.name] += 1
                    continue
                await asyncio.sleep(max(0, started + blow.at - monotonic()))
                struck = await self._strike(blow)
                (self.missed if struck is None else self.fired)[blow.name] += 1
                self._tell(f"{blow.at:8.2f} s  {blow.name:25} {blow.seconds:5.2f} s  {struck or 'struck nobody'}")

        async with asyncio.TaskGroup() as lanes:
            for lane in schedule.values():
                lanes.create_task(follow(lane))

    async def _strike(self, blow: Blow) -> str | None:
        """Return who was struck, None for nobody."""
        if blow.lane == NETWORK:
            return await self._break_link(cast("Kind", blow.deed), blow)
        program = await self._victim(blow)
        if program is None:
            return None
        await (program.kill if blow.deed == "SIGKILL" else program.freeze)(blow.seconds)
        return program.name

    async def _break_link(self, kind: Kind, blow: Blow) -> str | None:
        """Break the link that was drawn; where nothing was said on it, the next one."""
        proxies = list(self._stack.proxies.values())
        for number in range(_LINKS_TRIED):
            proxy = proxies[(blow.choice + number) % len(proxies)]
            if await proxy.inflict(kind, blow.seconds):
                return proxy.name
        return None

    async def _victim(self, blow: Blow) -> Program | None:
        stack = self._stack
        match blow.lane:
            case "api":
                return stack.apis[blow.choice % len(stack.apis)]
            case "worker":
                return stack.workers[blow.choice % len(stack.workers)]
            case "relay leader":
                leader = await self._find_leader(blow.choice)
                return next((worker for worker in stack.workers if worker.name == leader), None)
            case _:
                return {"nats": stack.nats, "pgbouncer": stack.pgbouncer, "primary": stack.primary}[blow.lane]

    async def _find_leader(self, choice: int) -> str | None:
        """Return the worker that holds a relay's lock at this moment, None if none did for seconds."""
        services = sorted({worker.name.partition("-")[0] for worker in self._stack.workers})
        with suppress(TimeoutError):
            async with asyncio.timeout(_SEARCH_SECONDS):
                while True:
                    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
                        return await self._look_for_leader(services, choice)
                    await asyncio.sleep(0.2)
        return None

    async def _look_for_leader(self, services: list[str], choice: int) -> str:
        connection = await asyncpg.connect(self._stack.place.plane.dsn_superuser(), timeout=2)
        try:
            while True:
                rows = await connection.fetch(_LEADERS, services, timeout=2)
                if rows:
                    return str(rows[choice % len(rows)]["application_name"])
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            connection.terminate()
