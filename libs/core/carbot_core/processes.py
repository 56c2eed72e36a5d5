"""The two long-running processes of a service: api, which serves HTTP, and worker, which does everything else."""

import asyncio
import errno
import signal
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from time import monotonic

import nats.errors
import structlog
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from litestar.types import ASGIApp
from nats.aio.client import Client

from carbot_core import bus, housekeeping, migrate
from carbot_core.auth.guards import Authenticator
from carbot_core.auth.keys import HttpKeys
from carbot_core.auth.revocations import Revocations
from carbot_core.auth.tokens import Verifier
from carbot_core.clock import Clock, utc_now
from carbot_core.consume import Consumption
from carbot_core.context import Context
from carbot_core.crypto import Sealer
from carbot_core.db import Database, Tx
from carbot_core.errors import Unavailable
from carbot_core.health import Health
from carbot_core.jobs import JobLoop
from carbot_core.outbox_lanes import AUDIT, EVENTS
from carbot_core.relay import Relay
from carbot_core.service import Runtime, Service
from carbot_core.settings import SettingError, Settings
from carbot_core.timers import TimerLoop
from carbot_core.web.app import create_app
from carbot_core.web.clients import Network, networks
from carbot_core.web.edge import Edge
from carbot_core.web.streams import MOST_STREAMS, Streams

log = structlog.get_logger()

GRACE_SECONDS = 15.0
DRAIN_SECONDS = 8.0
"""How long a gateway may take to see that a process is stopping."""
QUIET_SECONDS = 1.0
_RETRY_SECONDS = 0.5
_MEASURE_SECONDS = 5.0


@asynccontextmanager
async def api(service: Service, settings: Settings, *, clock: Clock = utc_now) -> AsyncGenerator[tuple[Edge, Health]]:
    """Open everything that an api needs; yield its ASGI application and its health."""
    async with AsyncExitStack() as stack:
        database, client, health = await _open(stack, service, settings, "api")
        keys, revocations = HttpKeys(settings.jwks_url), Revocations(database)
        runtime = Runtime(settings, database, clock)
        wake = _Waker(client, service.name)
        database.on_write = wake.soon
        streams = Streams(
            client,
            database,
            revocations,
            clock=clock,
            subjects=tuple(event.subject for event in service.followed),
            stopping=lambda: health.stopping,
        )
        state = {
            "database": database,
            "clock": clock,
            "settings": settings,
            "issuer_keys": keys,
            "authenticator": Authenticator(Verifier(keys, settings.issuer, clock), revocations, clock),
            "streams": streams,
            **service.state(runtime),
        }
        health.conditions["revocations"] = lambda: revocations.loaded
        health.dependencies["revocations"] = partial(_true, lambda: revocations.current)
        edge = Edge(
            create_app(service.name, service.routers, state, settings.app_version),
            database,
            health,
            trusted_proxies=_proxies(settings),
        )
        await _run_until_closed(
            stack,
            {
                "keys": keys.run,
                "revocations": revocations.run,
                "wake": wake.run,
                "streams": streams.run,
                "start": partial(_become_ready, service, database, health),
            },
        )
        yield edge, health


@asynccontextmanager
async def worker(service: Service, settings: Settings, *, clock: Clock = utc_now) -> AsyncGenerator[Health]:
    """Run the relay, the consumers, the timers and the jobs of a service; yield the process's health."""
    async with AsyncExitStack() as stack:
        database, client, health = await _open(stack, service, settings, "worker")
        runtime = Runtime(settings, database, clock)
        stream = bus.jetstream(client)
        sealer = Sealer(settings.audit_public_keys) if settings.audit_public_keys else None
        connected = lambda: client.is_connected  # noqa: E731 - a name for a condition
        relays = [Relay(database, stream, service=service.name, lane=EVENTS, connected=connected)]
        if sealer is not None:
            relays.append(Relay(database, stream, service=service.name, lane=AUDIT, sealer=sealer, connected=connected))
        timers = TimerLoop(
            database, {kind: partial(handler, runtime) for kind, handler in service.timers.items()}, clock
        )
        jobs = (housekeeping.JOB, *(job.prepare(settings) for job in service.jobs))
        consumptions = [Consumption(each.prepare(settings), database, stream, clock) for each in service.consumers]

        def wake() -> None:
            for loop in (*relays, timers):
                loop.wake()

        database.on_write = wake
        for consumer, consumption in zip(service.consumers, consumptions, strict=True):
            health.conditions[f"consumer {consumer.name}"] = lambda consumption=consumption: not consumption.stalled
        work: dict[str, Callable[[], Awaitable[None]]] = {
            **{f"relay {index}": relay.run for index, relay in enumerate(relays)},
            **{f"consumer {index}": consumption.run for index, consumption in enumerate(consumptions)},
            **{name: partial(run, runtime, stream) for name, run in service.background.items()},
            "timers": timers.run,
            "jobs": JobLoop(database, jobs, clock).run,
            "measure": partial(_measure, relays),
            "wake": partial(_listen, client, service.name, wake),
        }
        started = asyncio.Event()

        async def start() -> None:
            await _become_ready(service, database, health)
            if settings.profile == "production":
                await _refuse_weak_stream(service, client, health)
            if health.unfit is None:
                started.set()

        # On a schema that lacks what the code needs, every event would become a dead letter.
        tasks = {name: partial(_after, started, run) for name, run in work.items()}
        await _run_until_closed(stack, {**tasks, "start": start})
        yield health


def _proxies(settings: Settings) -> tuple[Network, ...]:
    try:
        return networks(settings.trusted_proxies)
    except ValueError as error:
        raise SettingError(
            f"CARBOT_TRUSTED_PROXIES is malformed: {error}. Set it to networks parted by commas, for example 10.0.0.0/8."
        ) from None


async def _open(
    stack: AsyncExitStack, service: Service, settings: Settings, process: str
) -> tuple[Database, Client, Health]:
    database = await stack.enter_async_context(
        Database.connect(settings.database_url, settings.database_ro_url, statement_cache=settings.db_statement_cache)
    )
    client = await stack.enter_async_context(
        bus.connect(settings.nats_url, settings.nats_seed, f"{service.name}-{process}")
    )
    health = Health()
    health.dependencies["database"] = partial(_answers, database)
    if database.replica is not None:
        health.dependencies["replica"] = partial(_replica_answers, database)
    health.dependencies["broker"] = partial(_true, lambda: client.is_connected)
    return database, client, health


async def _run_until_closed(stack: AsyncExitStack, runs: dict[str, Callable[[], Awaitable[None]]]) -> None:
    """Run these in the background; one that ends by a fault is logged and begun again."""

    async def again(name: str, run: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await run()
            except Exception as fault:  # noqa: BLE001 - a loop must not end silently
                log.error("background_failed", task=name, fault=fault)
                await asyncio.sleep(1)
            else:
                return

    tasks = [asyncio.create_task(again(name, run), name=name) for name, run in runs.items()]

    async def end() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    stack.push_async_callback(end)


async def _after(event: asyncio.Event, run: Callable[[], Awaitable[None]]) -> None:
    await event.wait()
    await run()


async def _become_ready(service: Service, database: Database, health: Health) -> None:
    """Wait for the database, refuse a role that row security does not bind, wait for the migrations."""
    needs = migrate.needed(service.migrations())
    health.waits_for.add("migrations")
    while True:
        try:
            async with database.transaction(Context(), read_only=True) as tx:
                if not await _is_bound(tx):
                    health.refuse(
                        "CARBOT_DATABASE_URL names a role that row security does not bind: a superuser, one with BYPASSRLS"
                        f" or one that owns tables. Set it to the process's own role, for example {service.name}_api."
                    )
                    return
                current = await tx.value(
                    str, "SELECT max(name) FROM schema_migrations WHERE name NOT LIKE '%.after.sql'"
                )
            if (current or "") >= needs:
                break
        except Unavailable as refusal:
            log.info("waiting_for_database", reason=refusal.code())
        except Exception as fault:  # noqa: BLE001 - the schema is not there yet
            log.info("waiting_for_migrations", reason=type(fault).__name__)
        await asyncio.sleep(_RETRY_SECONDS)
    health.waits_for -= {"start", "migrations"}


async def _refuse_weak_stream(service: Service, client: Client, health: Health) -> None:
    """Refuse to work on a stream that is less durable than production promises (architecture, section 6)."""
    name = bus.stream_name(service.name)
    health.waits_for.add("stream")
    while True:
        try:
            weak = await bus.weaknesses(bus.jetstream(client), name)
            break
        except (nats.errors.Error, OSError, TimeoutError) as error:
            log.info("waiting_for_stream", reason=type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)
    if weak:
        health.refuse(
            f"The stream {name} is weaker than CARBOT_PROFILE=production allows ({', '.join(weak)} does not hold)."
            " Run provision with CARBOT_STREAM_REPLICAS=3, or set CARBOT_PROFILE=local."
        )
        return
    health.waits_for.discard("stream")


async def _is_bound(tx: Tx) -> bool:
    """Tell whether row security binds the role: it is no superuser, has no BYPASSRLS, and no table is its own."""
    return (
        await tx.value(
            bool,
            """
            SELECT NOT (
                rolsuper OR rolbypassrls
                OR EXISTS (SELECT FROM pg_class WHERE pg_has_role(relowner, 'USAGE') AND relkind IN ('r', 'p'))
            )
            FROM pg_roles
            WHERE rolname = current_user
            """,
        )
        is True
    )


async def _answers(database: Database) -> bool:
    async with database.transaction(Context(), read_only=True) as tx:
        return await tx.value(bool, "SELECT true") is True


async def _replica_answers(database: Database) -> bool:
    tx = await database.begin_stale(Context(), seen=0)
    try:
        return await tx.value(bool, "SELECT pg_is_in_recovery()") is True
    finally:
        await tx.rollback()


async def _true(condition: Callable[[], bool]) -> bool:
    return condition()


async def _measure(relays: list[Relay]) -> None:
    while True:
        for relay in relays:
            with suppress(Unavailable):
                await relay.measure()
        await asyncio.sleep(_MEASURE_SECONDS)


async def _listen(client: Client, service: str, wake: Callable[[], None]) -> None:
    async def on_wake(_message: object) -> None:
        wake()

    while not client.is_connected:  # noqa: ASYNC110 - the client has no event for it
        await asyncio.sleep(_RETRY_SECONDS / 5)
    await client.subscribe(f"wake.{service}", cb=on_wake)
    await asyncio.Event().wait()


class _Waker:
    """Wakes the workers after commits: many at once are one message."""

    def __init__(self, client: Client, service: str) -> None:
        self._client = client
        self._service = service
        self._soon = asyncio.Event()

    def soon(self) -> None:
        self._soon.set()

    async def run(self) -> None:
        while True:
            await self._soon.wait()
            self._soon.clear()
            with suppress(nats.errors.Error):
                await bus.wake(self._client, self._service)
            await asyncio.sleep(bus.GATHER_SECONDS)


async def serve(app: ASGIApp, health: Health, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT: then not ready, wait until others are asked, finish what is in flight, end; raise SettingError if it was unfit to serve."""
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for stop in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop, stopping.set)
    server = Server(
        app,
        address=settings.http_host,
        port=settings.http_port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        backpressure=1024 + MOST_STREAMS,
        log_access=False,
        log_enabled=False,
    )
    serving = loop.create_task(server.serve())
    refused = loop.create_task(health.refused.wait())
    for reason in (serving, refused):
        reason.add_done_callback(lambda _: stopping.set())
    await stopping.wait()
    refused.cancel()
    health.stop()
    await _until_quiet(health)
    server.stop()
    await asyncio.wait({serving}, timeout=GRACE_SECONDS)
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving
    if health.unfit is not None:
        raise SettingError(health.unfit)


async def _until_quiet(health: Health) -> None:
    """Wait until nobody sends requests here any more: one that is on its way while connections are closed would be lost."""
    end = monotonic() + DRAIN_SECONDS
    while (now := monotonic()) < end and now - health.asked_at < QUIET_SECONDS:  # noqa: ASYNC110 - requests are many, and none needs to wake us
        await asyncio.sleep(0.05)


def refuse_taken_port(host: str, port: int) -> None:
    """Raise SettingError if somebody listens there: the server would share the port in silence (SO_REUSEPORT)."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError):
        raise SettingError(
            "CARBOT_HTTP_HOST is malformed: it is no address. Set it to one of this machine, for example 127.0.0.1."
        ) from None
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise SettingError(
                    "CARBOT_HTTP_HOST is no address of this machine. Set it to one that is, for example 127.0.0.1."
                ) from None
            raise SettingError(
                f"CARBOT_HTTP_PORT names a port that cannot be used ({error.strerror}). Set it to a free port."
            ) from None
