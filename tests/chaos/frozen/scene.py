"""Tenancy and crm as processes on servers of their own, with organisations that both know."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import LiteralString

import asyncpg
import msgspec

from carbot_local.database import connected
from carbot_testing.child import Child
from carbot_testing.issuer import Issuer
from carbot_testing.running import Place
from tests.perf import data
from tests.perf.stack import Servers, prepared, running
from tests.perf.volume import Volume

SERVICES = ("tenancy", "crm")
PROCESSES = ("api", "worker")
VOLUME = Volume(organizations=8, leads=400)

_FOUND: LiteralString = """
    INSERT INTO tenancy.organizations
        (organization_id, slug, legal_name, legal_form, country, locale, time_zone, status, created_at, updated_at)
    SELECT organization_id, slug, legal_name, 'gmbh', country, locale, time_zone, status, registered_at, registered_at
    FROM crm.organizations
"""


class Scene(msgspec.Struct, frozen=True):
    """What runs, and a superuser's look at the database."""

    servers: Servers
    place: Place
    issuer: Issuer
    children: dict[tuple[str, str], Child]
    superuser: asyncpg.Connection

    def url(self, service: str, process: str = "api") -> str:
        return self.children[service, process].url


@asynccontextmanager
async def populated(servers: Servers) -> AsyncGenerator[tuple[Place, Issuer, asyncpg.Connection]]:
    """Make the database with its organisations, and the streams."""
    issuer = Issuer()
    async with (
        prepared(servers, issuer) as place,
        connected(place.plane.dsn_superuser(place.database)) as superuser,
    ):
        await data.load(superuser, VOLUME)
        async with superuser.transaction():
            await superuser.execute("SET LOCAL session_replication_role = replica")
            await superuser.execute(_FOUND)
        yield place, issuer, superuser


@asynccontextmanager
async def on_stage(servers: Servers) -> AsyncGenerator[Scene]:
    """Run one api and one worker of each service."""
    async with populated(servers) as (place, issuer, superuser), AsyncExitStack() as stack:
        children = {
            (service, process): await stack.enter_async_context(running(place, service, process))
            for service in SERVICES
            for process in PROCESSES
        }
        yield Scene(servers, place, issuer, children, superuser)
