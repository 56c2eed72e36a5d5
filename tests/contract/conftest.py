"""A migrated database of the contract tests alone, to look at and to spoil."""

from collections.abc import AsyncIterator

import pytest_asyncio

from carbot_testing.data_plane import DataPlane
from carbot_testing.plugin import TEMPLATE


@pytest_asyncio.fixture(scope="session")
async def migrated(plane: DataPlane, worker_id: str) -> AsyncIterator[str]:
    """A copy of the migrated database that nothing is connected to."""
    name = f"contract_{worker_id}"
    await plane.create_database(name, TEMPLATE)
    yield name
    await plane.drop_database(name)
