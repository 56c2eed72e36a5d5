"""The run: askers who break off, a killer of backends, somebody without a name who must see nothing, and the last look."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import structlog

from carbot_core import processes
from carbot_core.db import Database
from carbot_testing.child import Child
from carbot_testing.issuer import Issuer
from carbot_testing.running import Place, service, until_ready
from tests.chaos.pool_isolation.ledger import faults_in_rows
from tests.chaos.pool_isolation.tenants import Request, Tenant, Town, settle
from tests.chaos.pool_isolation.ways import InProcess, OverHttp, Way

POOL = 2
"""Server connections of the pooler."""

_IN_PROCESS = 14
_OVER_HTTP = 6
_BROKEN_OFF = 0.27
"""Some of these are answered before they are broken off."""
_KILL_SECONDS = 0.7
_PROBE_SECONDS = 0.02
_REFUSED = 503
_CREATED = 201

_KILL = """
    SELECT {}(pid)
    FROM pg_stat_activity
    WHERE usename = 'crm_api' AND datname = current_database() AND state <> 'idle'
    ORDER BY random()
    LIMIT 1
"""

_AT_WORK = """
    SELECT count(*) FROM pg_stat_activity WHERE usename = 'crm_api' AND datname = current_database() AND state <> 'idle'
"""


class Run:
    """What happens, and what is counted and found on the way."""

    def __init__(self, place: Place, town: Town, superuser: asyncpg.Connection, *, seed: int, requests: int) -> None:
        self.counts = Counter[str]()
        self.faults: list[str] = []
        self.acknowledged: set[UUID] = set()
        self._place = place
        self._town = town
        self._superuser = superuser
        self._dice = random.Random(seed)
        self._left = requests
        self._usual_seconds = 0.02

    async def drive(self, ways: Sequence[Way]) -> None:
        """Ask until everything was asked, and look at every row in the end."""
        around = [asyncio.create_task(each) for each in (self._kill(), self._probe())]
        async with asyncio.TaskGroup() as askers:
            for way in ways:
                askers.create_task(self._ask_on(way))
        for task in around:
            task.cancel()
        for task in around:
            with suppress(asyncio.CancelledError):
                await task
        self.faults += await faults_in_rows(self._superuser, self._town, self.acknowledged)

    def invalid(self) -> list[str]:
        """Return why the run proves nothing, if it does not."""
        asked = sum(self.counts[kind] for kind in ("answered", "broken off", "refused", "cut"))
        reasons = {
            "fewer than 18 % were broken off in mid-flight": self.counts["broken off"] < 0.18 * asked,
            "fewer than half were answered": self.counts["answered"] < 0.5 * asked,
            "too few backends were killed": self.counts["terminated"] < 3 or self.counts["cancelled"] < 3,
            "nobody looked without a name": self.counts["looked without a name"] < 100,
        }
        return [reason for reason, holds in reasons.items() if holds]

    async def at_rest(self) -> bool:
        """Tell whether nobody holds a transaction any more."""
        return await self._superuser.fetchval(_AT_WORK) == 0

    async def _ask_on(self, way: Way) -> None:
        while self._left > 0:
            self._left -= 1
            tenant, request = self._town.draw(self._dice)
            asking = asyncio.create_task(_whole(way.ask(tenant, request)))
            if self._dice.random() < _BROKEN_OFF:
                moment = self._dice.uniform(0, 0.8) * self._usual_seconds
                await asyncio.wait({asking}, timeout=moment)
                if not asking.done():
                    asking.cancel()
                    await asyncio.wait({asking})
                    self.counts["broken off"] += 1
                    continue
            started = asyncio.get_running_loop().time()
            answer = await asking
            self._usual_seconds += 0.02 * (asyncio.get_running_loop().time() - started - self._usual_seconds)
            self._judge(tenant, request, answer)

    def _judge(self, tenant: Tenant, request: Request, answer: tuple[int, bytes] | None) -> None:
        if answer is None:
            self.counts["cut"] += 1
            self.faults.append(f"{request.method} {request.path} got no answer")
            return
        status, body = answer
        self.counts["refused" if status == _REFUSED else "answered"] += 1
        if foreign := self._town.foreign(tenant, body):
            self.counts["answered with foreign rows"] += 1
            self.faults.append(f"{tenant.mark} sees {foreign} in {request.method} {request.path}")
        if status not in {request.status, _REFUSED}:
            self.faults.append(f"{tenant.mark} gets {status} for {request.method} {request.path}: {body[:300]!r}")
        elif status == _CREATED and not request.path.endswith("/interactions"):
            lead_id = UUID(msgspec.json.decode(body)["id"])
            self.acknowledged.add(lead_id)
            self._town.learn(tenant, lead_id)

    async def _kill(self) -> None:
        """End a backend at work, or break its statement off, in turn."""
        for turn in range(1_000_000):
            await asyncio.sleep(self._dice.uniform(0.5, 1.5) * _KILL_SECONDS)
            function, name = [("pg_terminate_backend", "terminated"), ("pg_cancel_backend", "cancelled")][turn % 2]
            self.counts[name] += bool(await self._superuser.fetchval(_KILL.format(function)))

    async def _probe(self) -> None:
        """Look as the api's role, on the same server connections, in nobody's name: there must be nothing."""
        address = self._place.plane.dsn(self._place.database, "crm_api")
        while True:
            try:
                connection = await asyncpg.connect(address, statement_cache_size=0, timeout=5)
                try:
                    while True:
                        seen = await connection.fetchval("SELECT count(*) FROM crm.leads", timeout=5)
                        self.counts["looked without a name"] += 1
                        if seen:
                            self.faults.append(f"{seen} rows are seen in nobody's name")
                        await asyncio.sleep(_PROBE_SECONDS)
                finally:
                    connection.terminate()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError):
                await asyncio.sleep(_PROBE_SECONDS)


async def _whole(asking: Coroutine[Any, Any, tuple[int, bytes]]) -> tuple[int, bytes] | None:
    """Return the answer, None if the connection was cut."""
    try:
        async with asyncio.timeout(10):
            return await asking
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        return None


@asynccontextmanager
async def stormy(place: Place, issuer: Issuer, *, seed: int, requests: int) -> AsyncGenerator[tuple[Run, list[Way]]]:
    """Set up the organisations and crm's api twice: in this process, and as one of its own."""
    async with AsyncExitStack() as stack:
        stack.callback(structlog.configure, **structlog.get_config())
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        superuser = await asyncpg.connect(place.plane.dsn_superuser(place.database))
        stack.push_async_callback(superuser.close)
        # Past the pooler: what is not under test shares no connection with what is.
        async with Database.connect(place.plane.dsn_direct(place.database, "crm_worker")) as worker:
            town = await settle(worker, superuser, issuer)
        child = await stack.enter_async_context(Child.open(place, "crm"))
        edge, health = await stack.enter_async_context(processes.api(service("crm"), place.settings("crm", "api")))
        await until_ready(health.unready)
        await child.until_ready()
        over_http = [OverHttp(child.port) for _ in range(_OVER_HTTP)]
        for each in over_http:
            stack.callback(each.close)
        ways: list[Way] = [*(InProcess(edge) for _ in range(_IN_PROCESS)), *over_http]
        yield Run(place, town, superuser, seed=seed, requests=requests), ways
