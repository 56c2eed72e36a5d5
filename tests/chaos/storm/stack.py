"""The platform as real processes, with a faulty network between every pair of them."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from uuid import UUID

import asyncpg
import msgspec
import psutil

from carbot_core import outbox
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.ids import new_id
from carbot_local.database import connected
from carbot_local.processes import answers, free_ports
from carbot_testing.child import Child
from carbot_testing.data_plane import DataPlane, NatsServer
from carbot_testing.fault_proxy import FaultProxy
from carbot_testing.issuer import Issuer
from carbot_testing.running import Place, build_template, durables, provision
from carbot_testing.world import registered

DATABASE = "carbot_storm"
SERVICES = ("tenancy", "crm", "compliance")
WORKERS = {"tenancy": 2, "crm": 2, "compliance": 2}
_READY_SECONDS = 240


class Program:
    """Something that runs, can be killed and frozen, and is started again; one blow at a time."""

    def __init__(
        self,
        name: str,
        port: int,
        *,
        pid: Callable[[], int],
        kill: Callable[[], Awaitable[None]],
        start: Callable[[], Awaitable[None]],
    ) -> None:
        self.name = name
        self.port = port
        self._pid = pid
        self._kill = kill
        self._start = start
        self._struck = asyncio.Lock()

    async def kill(self, seconds: float) -> None:
        """Let it die without a word, and come back after so many seconds; return when it has, or takes too long."""
        async with self._struck:
            await self._kill()
            await asyncio.sleep(seconds)
            with suppress(TimeoutError):
                await self.start()

    async def start(self) -> None:
        """Start it and wait until it is ready; raise TimeoutError if it takes too long, AssertionError if it ends instead."""
        await self._start()

    async def freeze(self, seconds: float) -> None:
        """Let it stand still with all its children for so many seconds."""
        async with self._struck:
            program = psutil.Process(self._pid())
            _signal([program.pid], signal.SIGSTOP)
            children = [child.pid for child in program.children(recursive=True)]
            _signal(children, signal.SIGSTOP)
            try:
                await asyncio.sleep(seconds)
            finally:
                _signal([*children, program.pid], signal.SIGCONT)


def _signal(pids: list[int], name: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, name)


class Servers(msgspec.Struct, frozen=True):
    """What is started from the main thread, before there is an event loop."""

    plane: DataPlane
    nats: NatsServer


class Stack(msgspec.Struct, frozen=True):
    """What runs, by what it is called in the schedule."""

    place: Place
    issuer: Issuer
    apis: list[Program]
    workers: list[Program]
    """Each named as its database sessions are."""
    nats: Program
    pgbouncer: Program
    primary: Program
    proxies: dict[str, FaultProxy]
    ports: dict[str, int]
    """Where clients reach each api: through a proxy."""


@contextmanager
def servers() -> Generator[Servers]:
    """Start PostgreSQL with its replica, PgBouncer and NATS, all of which wait for the disk."""
    with ExitStack() as stack:
        plane = DataPlane.start(durable=True)
        stack.callback(plane.stop)
        nats = NatsServer(durables(), durable=True)
        stack.callback(nats.close)
        nats.start()
        yield Servers(plane, nats)


@asynccontextmanager
async def prepared(servers: Servers, issuer: Issuer, organizations: int) -> AsyncGenerator[tuple[Place, list[UUID]]]:
    """Make the database and the streams, serve the issuer's keys, and store organisations."""
    await build_template(servers.plane, DATABASE)
    await provision(servers.nats)
    async with await issuer.serve() as keys:
        port: int = keys.sockets[0].getsockname()[1]
        place = Place(servers.plane, DATABASE, servers.nats, f"http://127.0.0.1:{port}/jwks")
        yield place, await _found(place, organizations)


async def _found(place: Place, count: int) -> list[UUID]:
    """Store organisations and announce them, past registration: its hashing waits for a processor that is idle."""
    founded = [new_id() for _ in range(count)]
    async with connected(place.plane.dsn_superuser(DATABASE)) as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(
            """
            INSERT INTO tenancy.organizations
                (organization_id, slug, legal_name, legal_form, country, locale, time_zone, status, created_at, updated_at)
            SELECT id, 'org-' || id, 'Werkstatt', 'gmbh', 'DE', 'de', 'Europe/Berlin', 'trial', now(), now()
            FROM unnest($1::uuid[]) AS id
            """,
            founded,
        )
    async with Database.connect(place.plane.dsn_direct(DATABASE, "tenancy_worker")) as database:
        for organization_id in founded:
            async with database.transaction(Context(organization_id=organization_id)) as tx:
                await outbox.add(tx, registered(organization_id), version=1)
    return founded


@asynccontextmanager
async def running(place: Place, issuer: Issuer) -> AsyncGenerator[Stack]:
    """Run the services, each link between two programs through a proxy of its own."""
    async with AsyncExitStack() as stack:
        proxies: dict[str, FaultProxy] = {}

        async def proxy(name: str, target: int) -> int:
            proxies[name] = await stack.enter_async_context(FaultProxy.open(name, target))
            return proxies[name].port

        primary = await proxy("PgBouncer to primary", _port(place.plane.dsn_direct(DATABASE, "crm_api")))
        await place.plane.route(DATABASE, primary)
        pooler = _port(place.plane.dsn(DATABASE, "crm_api"))
        apis: list[Program] = []
        workers: list[Program] = []
        ports: dict[str, int] = {}
        for service in SERVICES:
            for process, programs, count in (("api", apis, 1), ("worker", workers, WORKERS[service])):
                database = await proxy(f"{service} {process} to PgBouncer", pooler)
                broker = await proxy(f"{service} {process} to NATS", place.nats.port)
                for number in range(1, count + 1):
                    name, (port,) = f"{service}-{process}-{number}", free_ports(1)
                    variables = {
                        "CARBOT_DATABASE_URL": _through(place.plane.dsn(DATABASE, f"{service}_{process}"), database)
                        + f"?application_name={name}",
                        "CARBOT_NATS_URL": f"nats://127.0.0.1:{broker}",
                        "CARBOT_HTTP_PORT": str(port),
                    }
                    programs.append(_service(stack, place, name, variables))
                    if process == "api":
                        ports[service] = await proxy(f"client to {service} api", port)
        await asyncio.gather(*(program.start() for program in (*apis, *workers)))
        yield Stack(
            place,
            issuer,
            apis,
            workers,
            _broker(place.nats),
            _server(place.plane, "pgbouncer", place.plane.dsn_pooler()),
            _server(place.plane, "primary", place.plane.dsn_superuser()),
            proxies,
            ports,
        )


def _service(stack: AsyncExitStack, place: Place, name: str, variables: dict[str, str]) -> Program:
    service, process, _ = name.split("-")
    running: list[Child] = []
    closing = AsyncExitStack()

    async def start() -> None:
        running[:] = [await closing.enter_async_context(Child.open(place, service, process, **variables))]
        async with asyncio.timeout(_READY_SECONDS):
            # Asking is dear while many start at once.
            while not answers(running[0].port):
                await asyncio.sleep(0.2)
            await running[0].until_ready(_READY_SECONDS)

    # What a child wrote is closed together with it.
    stack.push_async_callback(closing.aclose)
    return Program(
        name, int(variables["CARBOT_HTTP_PORT"]), pid=lambda: running[0].pid, kill=closing.aclose, start=start
    )


def _server(plane: DataPlane, name: str, console: str) -> Program:
    async def kill() -> None:
        plane.kill(name)

    async def start() -> None:
        async with asyncio.timeout(_READY_SECONDS):
            # A primary does not start before the last child of the killed one has noticed.
            plane.start_again(name)
            while not await _connects(console):
                await asyncio.sleep(0.1)
                plane.start_again(name)

    return Program(name, _port(console), pid=lambda: plane.pid(name), kill=kill, start=start)


def _broker(nats: NatsServer) -> Program:
    async def kill() -> None:
        nats.kill()

    async def start() -> None:
        nats.start_again()
        async with asyncio.timeout(_READY_SECONDS):
            while not await asyncio.to_thread(answers, nats.port):
                await asyncio.sleep(0.1)

    return Program("nats", nats.port, pid=lambda: nats.pid, kill=kill, start=start)


async def _connects(dsn: str) -> bool:
    try:
        connection = await asyncpg.connect(dsn, timeout=2, statement_cache_size=0)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        return False
    await connection.close()
    return True


def _port(dsn: str) -> int:
    return int(dsn.rpartition(":")[2].partition("/")[0])


def _through(dsn: str, port: int) -> str:
    return dsn.replace(f":{_port(dsn)}/", f":{port}/")
