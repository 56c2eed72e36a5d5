"""crm on a database of its own without a worker, so that a test lets the bot answer when it wants."""

from collections.abc import AsyncIterator, Callable

import httpx
import msgspec
import pytest
import pytest_asyncio

from carbot_core.db import Database
from carbot_core.web.edge import Edge
from carbot_testing.data_plane import DataPlane
from carbot_testing.issuer import Issuer
from carbot_testing.plugin import TEMPLATE, _Held
from carbot_testing.running import Place, client, running_apis
from carbot_testing.world import ORIGIN, Organization, World


@pytest_asyncio.fixture(scope="session")
async def quiet_place(plane: DataPlane, place: Place, worker_id: str) -> AsyncIterator[Place]:
    name = f"carbot_quiet_{worker_id}"
    await plane.create_database(name, TEMPLATE)
    yield msgspec.structs.replace(place, database=name)
    await plane.drop_database(name)


@pytest_asyncio.fixture(scope="session")
async def quiet_edge(quiet_place: Place) -> AsyncIterator[Edge]:
    held = _Held(running_apis(quiet_place, ("crm",)))
    yield (await held.open())["crm"]
    await held.close()


@pytest_asyncio.fixture(scope="session")
async def quiet_database(quiet_place: Place) -> AsyncIterator[Database]:
    async with Database.connect(quiet_place.plane.dsn(quiet_place.database, "crm_worker")) as database:
        yield database


@pytest_asyncio.fixture(scope="session")
async def world(quiet_database: Database) -> World:
    return World({"crm": quiet_database})


@pytest_asyncio.fixture(scope="session")
async def garage(world: World) -> Organization:
    return await world.organization()


@pytest.fixture
def page(quiet_edge: Edge) -> Callable[..., httpx.AsyncClient]:
    def page(organization: Organization, workshop: int = 0) -> httpx.AsyncClient:
        key = str(organization.keys[workshop])
        return client(quiet_edge, "crm", **{"x-carbot-key": key, "origin": ORIGIN})

    return page


@pytest.fixture
def staff(quiet_edge: Edge, issuer: Issuer, garage: Organization) -> httpx.AsyncClient:
    token = issuer.token(garage.id, "owner", user_id=garage.members[0].user_id)
    return client(quiet_edge, "crm", authorization=f"Bearer {token}")
