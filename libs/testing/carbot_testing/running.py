"""Services running in the test's own process, on the run's real servers, as their own database roles."""

import asyncio
import base64
import importlib
import os
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import IPv4Address
from typing import Any, cast

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from carbot_core import bus, processes
from carbot_core.clock import utc_now
from carbot_core.context import Context
from carbot_core.crypto import Vault
from carbot_core.db import Database
from carbot_core.migrate import migrate
from carbot_core.service import Service, core_migrations
from carbot_core.settings import Settings, read
from carbot_core.web.edge import Edge
from carbot_local.layout import SERVICES
from carbot_testing.data_plane import DataPlane, NatsServer
from carbot_testing.issuer import ISSUER

KEY_ENCRYPTION_KEY = base64.b64encode(b"k" * 32).decode()
_AUDIT_KEY = X25519PrivateKey.from_private_bytes(b"a" * 32)
AUDIT_PUBLIC_KEYS = "test:" + base64.b64encode(_AUDIT_KEY.public_key().public_bytes_raw()).decode()
AUDIT_PRIVATE_KEYS = "test:" + base64.b64encode(_AUDIT_KEY.private_bytes_raw()).decode()


def service(name: str) -> Service:
    found: Service = importlib.import_module(f"carbot_{name}.app").SERVICE
    return found


def services() -> dict[str, Service]:
    return {name: service(name) for name in SERVICES}


class Place(msgspec.Struct, frozen=True):
    """Where a test's services live: a database, a broker, an issuer, a mail server."""

    plane: DataPlane
    database: str
    nats: NatsServer
    jwks_url: str
    smtp_url: str = "smtp://127.0.0.1:1"

    def environment(self, name: str, process: str) -> dict[str, str]:
        """Return the environment of a process, as deploy/local sets it."""
        return {
            "CARBOT_PROFILE": "local",
            "CARBOT_DATABASE_URL": self.plane.dsn(self.database, f"{name}_{process}"),
            "CARBOT_DATABASE_RO_URL": self.plane.dsn_ro(self.database, f"{name}_{process}"),
            "CARBOT_DATABASE_OWNER_URL": self.plane.dsn_direct(self.database, f"{name}_migrate"),
            "CARBOT_NATS_URL": self.nats.url,
            "CARBOT_NATS_SEED": self.nats.seed(name),
            "CARBOT_HTTP_PORT": "1",
            "CARBOT_JWKS_URL": self.jwks_url,
            "CARBOT_ISSUER": ISSUER,
            "CARBOT_AUDIT_PUBLIC_KEYS": AUDIT_PUBLIC_KEYS,
            "CARBOT_AUDIT_PRIVATE_KEYS": AUDIT_PRIVATE_KEYS,
            "CARBOT_KEY_ENCRYPTION_KEY": KEY_ENCRYPTION_KEY,
            "CARBOT_SMTP_URL": self.smtp_url,
            "CARBOT_MAIL_FROM": "CarBot <noreply@carbot.test>",
            "CARBOT_PUBLIC_URL": "https://app.carbot.test",
        }

    def settings(self, name: str, process: str) -> Settings:
        return read(service(name).settings, self.environment(name, process))

    def variables(self, name: str, process: str) -> dict[str, str]:
        """Return the whole environment of a child process."""
        return {**os.environ, **self.environment(name, process)}


async def build_template(plane: DataPlane, database: str) -> None:
    """Create a database, bring every service's schema to the newest version, make tenancy's first signing key."""
    await plane.create_database(database)
    core = core_migrations()
    for name, each in services().items():
        await migrate(plane.dsn_direct(database, f"{name}_migrate"), name, core, each.migrations())
    signing_keys = importlib.import_module("carbot_tenancy.signing_keys.actions")
    # Not through the pooler: a connection that it keeps would forbid copying the template.
    direct = plane.dsn_direct(database, "tenancy_worker")
    async with Database.connect(direct) as tenancy, tenancy.transaction(Context()) as tx:
        await signing_keys.rotate(tx, Vault.from_base64(KEY_ENCRYPTION_KEY), utc_now(), force=False)


async def provision(nats: NatsServer) -> None:
    """Make the streams of every service."""
    streams: dict[str, list[str]] = {}
    for name, each in services().items():
        streams |= {bus.stream_name(name): [f"{name}.>"], **each.streams}
    async with bus.connect(nats.url, nats.seed("provision"), "provision", wait=5) as client:
        await bus.provision(bus.jetstream(client), streams, replicas=1)


def durables() -> dict[str, list[Any]]:
    return {name: list(each.consumers) for name, each in services().items()}


@asynccontextmanager
async def running_apis(place: Place, names: tuple[str, ...] = SERVICES) -> AsyncGenerator[Mapping[str, Edge]]:
    """Run the apis of these services."""
    async with AsyncExitStack() as stack:
        edges: dict[str, Edge] = {}
        for name in names:
            edges[name], health = await stack.enter_async_context(
                processes.api(service(name), place.settings(name, "api"))
            )
            await until_ready(health.unready)
        yield edges


@asynccontextmanager
async def running_workers(place: Place, names: tuple[str, ...] = SERVICES) -> AsyncGenerator[None]:
    """Run the workers of these services."""
    async with AsyncExitStack() as stack:
        for name in names:
            health = await stack.enter_async_context(processes.worker(service(name), place.settings(name, "worker")))
            await until_ready(health.unready)
        yield


async def until_ready(unready: Any) -> None:
    """Wait until a process is ready; raise TimeoutError."""
    async with asyncio.timeout(15):
        while unready():
            await asyncio.sleep(0.01)


def client(edge: Edge, name: str, **headers: str) -> httpx.AsyncClient:
    """Return a client of a service in this process, with an address of its own: what it does wrong counts for nobody else."""
    address = str(IPv4Address(secrets.randbits(32)))
    transport = httpx.ASGITransport(cast("Any", edge), raise_app_exceptions=False, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{name}", headers=headers)
