"""A place whose servers a test may freeze and whose tables it may add to, since nobody else uses them."""

import asyncio
from collections.abc import AsyncGenerator, Generator

import asyncpg
import httpx
import pytest
import pytest_asyncio

from carbot_core.db import Database
from carbot_testing.data_plane import DataPlane, NatsServer
from carbot_testing.plugin import Connect
from carbot_testing.running import Place, build_template
from carbot_testing.world import Organization, World

DATABASE = "carbot_own"


@pytest.fixture(scope="session")
def own_plane() -> Generator[DataPlane]:
    """PostgreSQL, replica and PgBouncer of this process alone."""
    plane = DataPlane.start()
    asyncio.run(build_template(plane, DATABASE))
    yield plane
    plane.stop()


@pytest_asyncio.fixture(scope="session")
async def own_place(own_plane: DataPlane, place: Place, nats_server: NatsServer) -> Place:
    return Place(own_plane, DATABASE, nats_server, place.jwks_url, place.smtp_url)


@pytest_asyncio.fixture(scope="session")
async def own_superuser(own_place: Place) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(own_place.plane.dsn_superuser(own_place.database))
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="session")
async def superuser(place: Place) -> AsyncGenerator[asyncpg.Connection]:
    """Sees everything: for looking at what a service stored."""
    connection = await asyncpg.connect(place.plane.dsn_superuser(place.database))
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="session")
async def own_organization(own_place: Place) -> Organization:
    """An organisation that crm knows there."""
    async with Database.connect(own_place.plane.dsn(own_place.database, "crm_worker")) as database:
        return await World({"crm": database}).organization()


@pytest_asyncio.fixture(scope="session")
async def organization(world: World) -> Organization:
    return await world.organization(workshops=2, members=(("owner", None), ("admin", None), ("viewer", None)))


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)
