"""A stage for these tests: they break its broker, and nobody else's."""

from collections.abc import AsyncIterator

import pytest_asyncio

from carbot_local.nats import Durable
from carbot_testing.data_plane import DataPlane
from carbot_testing.issuer import Issuer
from carbot_testing.plugin import TEMPLATE
from carbot_testing.stage import Stage, recorder

POISON = Durable("TENANCY", "crm-poison", ("tenancy.>",))


@pytest_asyncio.fixture(scope="session")
async def stage(plane: DataPlane, issuer: Issuer) -> AsyncIterator[Stage]:
    """Crm, a database and a broker; each test has its own organisations and leaves the broker as it was."""
    server = await issuer.serve()
    try:
        jwks_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"
        consumers = recorder(), recorder("latecomer"), recorder("silent"), POISON
        async with Stage.open(plane, TEMPLATE, jwks_url, *consumers) as stage:
            yield stage
    finally:
        server.close()
        await server.wait_closed()
