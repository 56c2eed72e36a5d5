"""crm with probes among its routes, where a test may do what it likes with the database."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
import pytest_asyncio
from probe_routes import SCHEMA, Hooks, router

from carbot_core import processes
from carbot_core.web.edge import Edge
from carbot_testing.issuer import Issuer
from carbot_testing.plugin import _Held
from carbot_testing.running import Place, client, service, until_ready
from carbot_testing.world import Organization


@pytest.fixture(scope="session")
def hooks() -> Hooks:
    return Hooks()


@asynccontextmanager
async def running(place: Place, hooks: Hooks) -> AsyncGenerator[Edge]:
    crm = service("crm")
    crm = msgspec.structs.replace(crm, routers=(*crm.routers, router(hooks)))
    async with processes.api(crm, place.settings("crm", "api")) as (edge, health):
        await until_ready(health.unready)
        yield edge


@pytest_asyncio.fixture(scope="session")
async def probed(own_place: Place, hooks: Hooks, own_superuser: asyncpg.Connection) -> AsyncGenerator[Edge]:
    await own_superuser.execute(SCHEMA)
    held = _Held(running(own_place, hooks))
    yield await held.open()
    await held.close()


@pytest_asyncio.fixture
async def member(probed: Edge, issuer: Issuer, own_organization: Organization) -> AsyncGenerator[httpx.AsyncClient]:
    """The owner of an organisation, as a client of crm with probes."""
    token = issuer.token(own_organization.id)
    async with client(probed, "crm", authorization=f"Bearer {token}") as member:
        yield member


@pytest.fixture
def at_rest(
    probed: Edge, own_superuser: asyncpg.Connection, eventually: Callable[..., Any]
) -> Callable[[], Awaitable[None]]:
    """Wait until no connection is held, on either side of the pooler; fails if one never comes back."""

    async def nothing_held() -> bool:
        pool = probed._database.primary
        open_transactions = await own_superuser.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'crm_api' AND state <> 'idle'"
        )
        return open_transactions == 0 and pool.get_size() == pool.get_idle_size()

    async def wait() -> None:
        await eventually(nothing_held, within=8)

    return wait
