"""Servers of this folder's own, and the services on them."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.chaos.frozen.scene import Scene, on_stage
from tests.perf.stack import Servers, servers


@pytest.fixture(scope="package")
def started() -> Iterator[Servers]:
    """PostgreSQL, PgBouncer and NATS."""
    with servers() as started:
        yield started


@pytest_asyncio.fixture(scope="package")
async def scene(started: Servers) -> AsyncIterator[Scene]:
    """The services, running."""
    async with on_stage(started) as scene:
        yield scene
