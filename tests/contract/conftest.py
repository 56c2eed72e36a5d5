"""A migrated database to look at and to spoil, and organisations that every service knows."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest_asyncio
from interface import Operation
from processes import Apis, running_processes
from resources import Side
from sides import ROLES, Caller, Callers, found_side

from carbot_core.db import Database
from carbot_core.web.edge import Edge
from carbot_testing.data_plane import DataPlane
from carbot_testing.founding import Founder
from carbot_testing.issuer import Issuer
from carbot_testing.mailbox import Mailbox
from carbot_testing.plugin import TEMPLATE, Connect
from carbot_testing.running import Place
from carbot_testing.world import Member


@pytest_asyncio.fixture(scope="session")
async def migrated(plane: DataPlane, worker_id: str) -> AsyncIterator[str]:
    """A copy of the migrated database that nothing is connected to."""
    name = f"contract_{worker_id}"
    await plane.create_database(name, TEMPLATE)
    yield name
    await plane.drop_database(name)


@pytest_asyncio.fixture(scope="session")
async def superuser(place: Place) -> AsyncIterator[asyncpg.Connection]:
    """Sees everything: for looking at what a service stored."""
    connection = await asyncpg.connect(place.plane.dsn_superuser(place.database))
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="session")
async def sides(
    edges: dict[str, Edge],
    workers: None,
    mailbox: Mailbox,
    connect: Connect,
    worker_databases: dict[str, Database],
) -> tuple[Side, Side]:
    """Two organisations, founded over HTTP and known to every service by tenancy's events."""
    founder = Founder(edges["tenancy"], mailbox)
    own, other = [await found_side(founder, connect, worker_databases) for _ in range(2)]
    return own, other


@pytest_asyncio.fixture(scope="session")
async def callers(sides: tuple[Side, Side], connect: Connect) -> Callers:
    """Callers of an operation: every role, seeing all workshops and seeing the first alone; nobody where it is public."""
    own = sides[0]

    def of(operation: Operation) -> list[Caller]:
        if operation.scope is None:
            return [Caller("nobody", restricted=False, client=connect(operation.service))]
        return [
            Caller(
                role, seen is not None, connect(operation.service, UUID(own.id), Member(uuid4(), uuid4(), role, seen))
            )
            for role in ROLES
            for seen in (None, [UUID(own.workshops[0])])
        ]

    return of


@pytest_asyncio.fixture(scope="session")
async def apis(place: Place, issuer: Issuer) -> AsyncIterator[Apis]:
    """Every service's api, each a process."""
    async with running_processes(place, issuer) as apis:
        yield apis


@pytest_asyncio.fixture
async def apis_stay_well(apis: Apis) -> AsyncIterator[None]:
    """Look after the test whether the processes bore it."""
    yield
    await apis.are_well()


@pytest_asyncio.fixture(scope="session")
async def side(
    edges: dict[str, Edge], workers: None, mailbox: Mailbox, connect: Connect, worker_databases: dict[str, Database]
) -> Side:
    """An organisation to be hostile in: wrong passwords lock its owner out."""
    return await found_side(Founder(edges["tenancy"], mailbox), connect, worker_databases)
