"""Servers for a long run outside pytest: started from the main thread, before there is an event loop."""

import asyncio
import warnings
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager

from joserfc.errors import SecurityWarning

from carbot_testing.data_plane import DataPlane, NatsServer
from carbot_testing.issuer import Issuer
from carbot_testing.plugin import TEMPLATE
from carbot_testing.running import Place, build_template, durables, provision


@contextmanager
def data_plane() -> Generator[DataPlane]:
    """Start PostgreSQL with its replica and PgBouncer, and build the template database."""
    # EdDSA is the name that Envoy 1.40 knows.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    plane = DataPlane.start()
    try:
        asyncio.run(build_template(plane, TEMPLATE))
        yield plane
    finally:
        plane.stop()


@contextmanager
def servers() -> Generator[tuple[DataPlane, NatsServer]]:
    """Start a broker as well."""
    with ExitStack() as stack:
        plane = stack.enter_context(data_plane())
        nats = NatsServer(durables())
        stack.callback(nats.close)
        nats.start()
        yield plane, nats


@asynccontextmanager
async def place_on(
    plane: DataPlane, nats: NatsServer, issuer: Issuer, *, pool: int | None = None
) -> AsyncGenerator[Place]:
    """Make a database and the streams, and serve the issuer's keys."""
    await plane.create_database("carbot_chaos", TEMPLATE, pool=pool)
    await provision(nats)
    async with await issuer.serve() as keys:
        yield Place(plane, "carbot_chaos", nats, f"http://127.0.0.1:{keys.sockets[0].getsockname()[1]}/jwks")
