"""A private stack, durable as in production: servers, the processes of the services, the gateway."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import msgspec

from carbot_local import gateway
from carbot_local.layout import REPOSITORY, SERVICES
from carbot_local.pgbouncer import statement_cache
from carbot_local.processes import Server, answers, free_ports
from carbot_local.programs import Program
from carbot_local.temporary import remove, temporary_folder
from carbot_testing.child import Child
from carbot_testing.data_plane import DataPlane, NatsServer
from carbot_testing.issuer import ISSUER, Issuer
from carbot_testing.running import Place, build_template, durables, provision

DATABASE = "carbot_bench"

# The commit of an effect is read from PostgreSQL itself.
_SETTINGS = {"track_commit_timestamp": "on"}


class Servers(msgspec.Struct, frozen=True):
    """What is started from the main thread, before there is an event loop."""

    plane: DataPlane
    nats: NatsServer
    folder: Path
    pids: dict[str, int]
    """The processes that serve requests, by what the report calls them."""


@contextmanager
def servers() -> Generator[Servers]:
    """Start PostgreSQL with its replica, PgBouncer and NATS; end them and remove their folders."""
    with ExitStack() as stack:
        plane = DataPlane.start(durable=True, settings=_SETTINGS)
        stack.callback(plane.stop)
        nats = NatsServer(durables(), durable=True)
        stack.callback(nats.close)
        nats.start()
        folder = temporary_folder("bench")
        stack.callback(remove, folder)
        pids = {"postgres": plane.pids["primary"], "pooler": plane.pids["pgbouncer"]}
        yield Servers(plane, nats, folder, pids)


@asynccontextmanager
async def prepared(servers: Servers, issuer: Issuer) -> AsyncGenerator[Place]:
    """Make the database and the streams, and serve the issuer's keys."""
    await build_template(servers.plane, DATABASE)
    await provision(servers.nats)
    async with await issuer.serve() as keys:
        port: int = keys.sockets[0].getsockname()[1]
        yield Place(servers.plane, DATABASE, servers.nats, f"http://127.0.0.1:{port}/jwks")


@asynccontextmanager
async def running(place: Place, service: str, process: str, **changes: str) -> AsyncGenerator[Child]:
    """Run `python -m carbot_<service> <process>` until it is ready, and end it afterwards; `changes` are variables."""
    cache = str(statement_cache())
    async with Child.open(place, service, process, CARBOT_DB_STATEMENT_CACHE=cache, **changes) as child:
        await child.until_ready()
        yield child
        await child.end()


@asynccontextmanager
async def gateway_to(
    servers: Servers,
    place: Place,
    ports: Mapping[str, int | Sequence[int]],
    *,
    limits: gateway.Limits | None = None,
) -> AsyncGenerator[int]:
    """Run the gateway before these services, with these rate limits or none; yield its port."""
    port, admin_port, nobody = free_ports(3)
    keys = int(place.jwks_url.split(":")[2].partition("/")[0])
    named = {**dict.fromkeys(SERVICES, nobody), "tenancy": keys, **ports}
    program = gateway.configure(
        servers.folder / "gateway",
        port=port,
        admin_port=admin_port,
        services={name: [each] if isinstance(each, int) else each for name, each in named.items()},
        issuer=ISSUER,
        limits=limits or gateway.Limits.generous(),
    )
    async with AsyncExitStack() as stack:
        server = Server(program, servers.folder / "gateway.log")
        stack.callback(server.stop)
        servers.pids["gateway"] = server.pid
        await asyncio.to_thread(server.wait_until, lambda: answers(port))
        yield port


@asynccontextmanager
async def peer(servers: Servers, place: Place) -> AsyncGenerator[int]:
    """Run the peer with one uvicorn process; yield its port."""
    (port,) = free_ports(1)
    program = Program(
        name="peer",
        directory=REPOSITORY,
        argv=(sys.executable, "-m", "uvicorn", "tests.perf.peer.app:app", "--port", str(port)),
        environment={
            "PEER_DATABASE_URL": place.plane.dsn(place.database, "crm_api").replace(
                "postgresql", "postgresql+asyncpg", 1
            ),
            "PEER_STATEMENT_CACHE": str(statement_cache()),
            "PEER_JWKS_URL": place.jwks_url,
        },
    )
    async with AsyncExitStack() as stack:
        server = Server(program, servers.folder / "peer.log")
        stack.callback(server.stop)
        servers.pids["peer"] = server.pid
        await asyncio.to_thread(server.wait_until, lambda: answers(port))
        yield port
