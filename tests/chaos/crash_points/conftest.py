"""A stage that only these lives are lived on."""

from collections.abc import AsyncGenerator

import asyncpg
import pytest
import pytest_asyncio

pytest.register_assert_rewrite("tests.chaos.crash_points.scenarios")

from carbot_testing.data_plane import DataPlane  # noqa: E402 - after the rewriting, which must know of it before
from carbot_testing.issuer import Issuer  # noqa: E402
from carbot_testing.plugin import TEMPLATE  # noqa: E402
from carbot_testing.stage import Stage  # noqa: E402
from tests.chaos.crash_points.lives import listener  # noqa: E402
from tests.chaos.crash_points.nursery import Nursery  # noqa: E402


@pytest_asyncio.fixture(scope="module")
async def issuer_url(issuer: Issuer) -> AsyncGenerator[str]:
    async with await issuer.serve() as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"


@pytest_asyncio.fixture(scope="module")
async def stage(plane: DataPlane, issuer_url: str) -> AsyncGenerator[Stage]:
    async with Stage.open(plane, TEMPLATE, issuer_url, listener(), listener("refuser")) as stage:
        yield stage


@pytest_asyncio.fixture(scope="module")
async def eye(stage: Stage) -> AsyncGenerator[asyncpg.Connection]:
    """Sees everything, past row security."""
    connection = await asyncpg.connect(stage.place.plane.dsn_superuser(stage.place.database))
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="module")
async def nursery() -> AsyncGenerator[Nursery]:
    async with Nursery.open() as nursery:
        yield nursery
