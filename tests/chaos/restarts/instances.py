"""Two apis and one worker of each service behind the gateway, each of which can be stopped and started."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import asyncpg
import msgspec

from carbot_core.crypto import Vault
from carbot_core.db import Database
from carbot_local.pgbouncer import statement_cache
from carbot_local.processes import free_ports
from carbot_tenancy.signing_keys.keyring import KeyRing
from carbot_testing.child import Child
from carbot_testing.issuer import Issuer
from carbot_testing.running import KEY_ENCRYPTION_KEY, Place
from tests.chaos.frozen.scene import SERVICES, populated
from tests.perf.stack import Servers, gateway_to

_APIS = 2
_SEEN_SECONDS = 1.5
"""How long the gateway may take to see that a process is ready; a rollout waits as long (minReadySeconds)."""


class Instance:
    """One process, always on the same port."""

    def __init__(self, place: Place, service: str, process: str, port: int) -> None:
        self.name = f"{service} {process} on {port}"
        self.process = process
        self.port = port
        self._place = place
        self._service = service
        self._child: Child | None = None
        self._open = AsyncExitStack()

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        changes = {"CARBOT_HTTP_PORT": str(self.port), "CARBOT_DB_STATEMENT_CACHE": str(statement_cache())}
        self._child = await self._open.enter_async_context(
            Child.open(self._place, self._service, self.process, **changes)
        )
        await self._child.until_ready()

    async def stop(self) -> str | None:
        """End it in order; return what is wrong with how it ended."""
        if self._child is None:
            return f"{self.name} was never started"
        status, complaint = await self._child.end(), self._child.complaint()
        await self._open.aclose()
        return f"{self.name} ended with {status}: {complaint}" if status or complaint else None

    async def restart(self) -> str | None:
        """Stop it and start it; return when the gateway has seen that it is ready, with what was wrong with its end."""
        fault = await self.stop()
        await self.start()
        await asyncio.sleep(_SEEN_SECONDS)
        return fault


class Fleet(msgspec.Struct, frozen=True):
    """Everything that runs."""

    servers: Servers
    place: Place
    issuer: Issuer
    superuser: asyncpg.Connection
    instances: list[Instance]
    gateway: int


@asynccontextmanager
async def at_sea(servers: Servers) -> AsyncGenerator[Fleet]:
    """Start everything, and stop it in the end."""
    async with populated(servers) as (place, issuer, superuser), AsyncExitStack() as stack:
        await _sign_as_tenancy(place, issuer)
        instances: list[Instance] = []
        for service in SERVICES:
            for process in (*["api"] * _APIS, "worker"):
                instance = Instance(place, service, process, free_ports(1)[0])
                await instance.start()
                stack.push_async_callback(instance.stop)
                instances.append(instance)
        apis = {
            service: [each.port for each in instances if each.process == "api" and each.name.startswith(service)]
            for service in SERVICES
        }
        port = await stack.enter_async_context(gateway_to(servers, place, apis))
        yield Fleet(servers, place, issuer, superuser, instances, port)


async def _sign_as_tenancy(place: Place, issuer: Issuer) -> None:
    """Sign with tenancy's own key, the one that the gateway knows."""
    async with Database.connect(place.plane.dsn(place.database, "tenancy_api")) as database:
        keyring = KeyRing(database, Vault.from_base64(KEY_ENCRYPTION_KEY), "")
        issuer.key = await keyring.signing_key(datetime.now(UTC))
