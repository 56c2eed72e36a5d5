"""The pytest plugin: a private PostgreSQL, PgBouncer and NATS for the run, a database of its own for each worker of it.

A test that needs a server that is not installed fails; nothing is skipped. Who runs pytest many times may start the servers
once: PostgreSQL and PgBouncer are then those that CARBOT_DATA_PLANE describes, template included.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any, Protocol
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from carbot_contracts.tenancy import Role
from carbot_core.db import Database
from carbot_core.web.edge import Edge
from carbot_local.layout import SERVICES
from carbot_testing.data_plane import DataPlane, NatsServer
from carbot_testing.issuer import Issuer
from carbot_testing.mailbox import Mailbox
from carbot_testing.running import Place, build_template, client, durables, provision, running_apis, running_workers
from carbot_testing.world import Member, Organization, World

TEMPLATE = "carbot_template"
ATTACHED = "CARBOT_DATA_PLANE"
_PLANE = pytest.StashKey[DataPlane]()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the servers and build the template database, in the process that the user started and nowhere else."""
    config = session.config
    if hasattr(config, "workerinput") or config.getoption("collectonly") or ATTACHED in os.environ:
        return
    plane = DataPlane.start()
    config.stash[_PLANE] = plane
    asyncio.run(build_template(plane, TEMPLATE))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    plane = session.config.stash.get(_PLANE, None)
    if plane is not None:
        plane.stop()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the servers are."""
    node.workerinput["carbot_data_plane"] = node.config.stash[_PLANE].describe()


@pytest.fixture(scope="session")
def plane(request: pytest.FixtureRequest) -> DataPlane:
    """The run's PostgreSQL with its replica and PgBouncer."""
    described = getattr(request.config, "workerinput", {}).get("carbot_data_plane") or os.environ.get(ATTACHED)
    return DataPlane.attach(described) if described else request.config.stash[_PLANE]


@pytest_asyncio.fixture(scope="session")
async def database_name(plane: DataPlane) -> AsyncIterator[str]:
    """A migrated database of this process alone."""
    name = f"carbot_{os.getpid()}"
    await plane.create_database(name, TEMPLATE)
    yield name
    await plane.drop_database(name)


@pytest.fixture(scope="session")
def nats_server() -> Iterator[NatsServer]:
    """A broker of this worker alone."""
    server = NatsServer(durables())
    server.start()
    yield server
    server.close()


@pytest_asyncio.fixture(scope="session")
async def issuer() -> Issuer:
    """Signs access tokens for anybody."""
    return Issuer()


@pytest_asyncio.fixture(scope="session")
async def mailbox() -> AsyncIterator[Mailbox]:
    """A mail server that keeps what it gets."""
    async with Mailbox.open() as mailbox:
        yield mailbox


@pytest_asyncio.fixture(scope="session")
async def place(
    plane: DataPlane, database_name: str, nats_server: NatsServer, issuer: Issuer, mailbox: Mailbox
) -> AsyncIterator[Place]:
    """Where this worker's services live."""
    await provision(nats_server)
    server = await issuer.serve()
    port: int = server.sockets[0].getsockname()[1]
    yield Place(plane, database_name, nats_server, f"http://127.0.0.1:{port}/jwks", mailbox.url)
    server.close()
    await server.wait_closed()


class _Held:
    """Keeps an asynchronous context open in a task of its own: setup and teardown of a fixture run in different ones."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._closing = asyncio.Event()
        self._opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._hold())

    async def _hold(self) -> None:
        try:
            async with self._context as value:
                self._opened.set_result(value)
                await self._closing.wait()
        except BaseException as fault:
            if not self._opened.done():
                self._opened.set_exception(fault)
            raise

    async def open(self) -> Any:
        return await self._opened

    async def close(self) -> None:
        self._closing.set()
        await self._task


@pytest_asyncio.fixture(scope="session")
async def edges(place: Place, issuer: Issuer) -> AsyncIterator[dict[str, Edge]]:
    """Every service's api, in this process."""
    held = _Held(running_apis(place))
    edges: dict[str, Edge] = await held.open()

    async def jwks() -> bytes:
        async with client(edges["tenancy"], "tenancy") as tenancy:
            return (await tenancy.get("/.well-known/jwks.json")).content

    issuer.tenancy = jwks
    # The apis fetched the key set before tenancy answered, and would not ask again for half a minute.
    for edge in edges.values():
        await edge.app.state.issuer_keys.fetch()
    yield edges
    await held.close()


@pytest_asyncio.fixture(scope="session")
async def workers(place: Place) -> AsyncIterator[None]:
    """Every service's worker, in this process."""
    held = _Held(running_workers(place))
    await held.open()
    yield
    await held.close()


@pytest_asyncio.fixture(scope="session")
async def worker_databases(place: Place) -> AsyncIterator[dict[str, Database]]:
    """The database as each service's worker has it."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(Database.connect(place.plane.dsn(place.database, f"{name}_worker")))
            for name in SERVICES
        }


@pytest_asyncio.fixture(scope="session")
async def api_databases(place: Place) -> AsyncIterator[dict[str, Database]]:
    """The database as each service's api has it."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(Database.connect(place.plane.dsn(place.database, f"{name}_api")))
            for name in SERVICES
        }


@pytest_asyncio.fixture(scope="session")
async def world(worker_databases: dict[str, Database]) -> World:
    """Makes organisations that every service but tenancy, which owns them, knows."""
    return World({name: database for name, database in worker_databases.items() if name != "tenancy"})


class FreshDatabase(Protocol):
    """Makes a database and returns its name: a copy of the migrated one, or with None one that is only bootstrapped.

    `pool` is how many server connections PgBouncer opens for each role.
    """

    async def __call__(self, template: str | None = TEMPLATE, *, pool: int | None = None) -> str: ...


@pytest_asyncio.fixture
async def fresh_database(plane: DataPlane) -> AsyncIterator[FreshDatabase]:
    """Databases of this test alone."""
    made: list[str] = []

    async def make(template: str | None = TEMPLATE, *, pool: int | None = None) -> str:
        made.append(f"fresh_{secrets.token_hex(4)}")
        await plane.create_database(made[-1], template, pool=pool)
        return made[-1]

    yield make
    for name in made:
        await plane.drop_database(name)


class Connect(Protocol):
    """Returns a client of a service, as a member of an organisation or as nobody."""

    def __call__(
        self, service: str, organization: Organization | UUID | None = None, who: Member | Role = "owner"
    ) -> httpx.AsyncClient: ...


@pytest_asyncio.fixture(scope="session")
async def connect(edges: dict[str, Edge], issuer: Issuer) -> AsyncIterator[Connect]:
    """Clients of the services in this process."""
    opened: list[httpx.AsyncClient] = []

    def connect(
        service: str, organization: Organization | UUID | None = None, who: Member | Role = "owner"
    ) -> httpx.AsyncClient:
        headers: dict[str, str] = {}
        if organization is not None:
            organization_id = organization if isinstance(organization, UUID) else organization.id
            member = _member(organization, who)
            role = who.role if isinstance(who, Member) else who
            token = issuer.token(
                organization_id,
                role,
                user_id=member.user_id if member else None,
                workshops=member.workshops if member else None,
            )
            headers["authorization"] = f"Bearer {token}"
        opened.append(client(edges[service], service, **headers))
        return opened[-1]

    yield connect
    for each in opened:
        await each.aclose()


def _member(organization: Organization | UUID, who: Member | Role) -> Member | None:
    if isinstance(who, Member):
        return who
    members = [] if isinstance(organization, UUID) else organization.members
    return next((member for member in members if member.role == who), None)


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Waits until a condition holds, and returns its first true value; the condition may be a coroutine function."""

    async def wait(condition: Callable[[], Any], *, within: float = 5.0) -> Any:
        async with asyncio.timeout(within):
            while True:
                found = condition()
                if asyncio.iscoroutine(found):
                    found = await found
                if found:
                    return found
                await asyncio.sleep(0.01)

    return wait
