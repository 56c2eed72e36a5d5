"""Every process of every service on a database and a broker of its own, all of whose traces are kept."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self
from uuid import uuid4

import asyncpg
import httpx
import msgspec
from catalogue_data import SCHEMAS, SERVICES
from nats.js.api import AckPolicy, ConsumerConfig

from carbot_core import bus
from carbot_local.processes import free_ports
from carbot_testing.child import Child
from carbot_testing.data_plane import DataPlane, NatsServer
from carbot_testing.mailbox import Mailbox
from carbot_testing.plugin import TEMPLATE
from carbot_testing.running import Place, durables, provision

PROCESSES: Final = ("api", "worker")
_NOW: Final = {"OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_METRIC_EXPORT_INTERVAL": "1000"}
_STATEMENTS: Final = """
    SELECT query FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = $1
"""
_TABLES: Final = """
    SELECT format('%I.%I', n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""


class Collector:
    """Keeps what is sent to it by OTLP/HTTP."""

    def __init__(self) -> None:
        self.received: dict[str, bytes] = {}
        self.url = ""

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncGenerator[Self]:
        collector = cls()
        server = await asyncio.start_server(collector._answer, "127.0.0.1", 0)
        collector.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield collector
        finally:
            server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = next(
                    line.split(":")[1] for line in head.splitlines() if line.lower().startswith("content-length")
                )
                path, body = head.split(" ")[1], await reader.readexactly(int(length))
                self.received[path] = self.received.get(path, b"") + body
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


class CanaryStack(msgspec.Struct, frozen=True):
    """The processes, and everywhere that a value may have got to."""

    place: Place
    children: dict[tuple[str, str], Child]
    collector: Collector
    mailbox: Mailbox

    @classmethod
    @asynccontextmanager
    async def open(cls, plane: DataPlane, mailbox: Mailbox) -> AsyncGenerator[Self]:
        name, tenancy = f"canary_{uuid4().hex[:12]}", free_ports(1)[0]
        nats = NatsServer(durables())
        try:
            nats.start()
            await provision(nats)
            await plane.create_database(name, TEMPLATE)
            jwks = f"http://127.0.0.1:{tenancy}/.well-known/jwks.json"
            place = Place(plane, name, nats, jwks, mailbox.url)
            async with AsyncExitStack() as stack:
                collector = await stack.enter_async_context(Collector.open())
                changes = {**_NOW, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
                children = {
                    (service, process): await stack.enter_async_context(
                        Child.open(
                            place,
                            service,
                            process,
                            **changes,
                            **({"CARBOT_HTTP_PORT": str(tenancy)} if (service, process) == ("tenancy", "api") else {}),
                        )
                    )
                    for service in SERVICES
                    for process in PROCESSES
                }
                for child in children.values():
                    await child.until_ready(within=180)
                yield cls(place, children, collector, mailbox)
        finally:
            nats.close()
            await plane.drop_database(name)

    def client(self, service: str, **headers: str) -> httpx.AsyncClient:
        return self.children[service, "api"].client(**headers)

    async def places(self) -> dict[str, bytes]:
        """Return everything that somebody may read who may not read the tables."""
        folder = Path(msgspec.json.decode(self.place.plane.describe())["folder"])
        found = {f"log of {log.name}": log.read_bytes() for log in folder.glob("*.log")}
        for (service, process), child in self.children.items():
            found[f"output of {service} {process}"] = (child.text() + child.complaint()).encode()
            async with child.client() as client:
                found[f"metrics of {service} {process}"] = (await client.get("/metrics")).content
        found |= {f"telemetry {path}": body for path, body in self.collector.received.items()}
        found |= await self._streams()
        connection = await asyncpg.connect(self.place.plane.dsn_superuser(self.place.database))
        rows = await connection.fetch(_STATEMENTS, self.place.database)
        await connection.close()
        return {**found, "pg_stat_statements": "\n".join(row["query"] for row in rows).encode()}

    async def tables(self) -> bytes:
        """Return the content of every table as text."""
        connection = await asyncpg.connect(self.place.plane.dsn_superuser(self.place.database))
        names = [row[0] for row in await connection.fetch(_TABLES, SCHEMAS)]
        rows = [await connection.fetch(f"SELECT t::text FROM {name} t") for name in names]
        await connection.close()
        return "\n".join(row[0] for table in rows for row in table).encode()

    async def _streams(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        async with bus.connect(self.place.nats.url, self.place.nats.seed("provision"), "canary", wait=5) as broker:
            stream = bus.jetstream(broker)
            for info in await stream.streams_info():
                name, held = str(info.config.name), info.state.messages
                config = ConsumerConfig(ack_policy=AckPolicy.NONE, inactive_threshold=10)
                subscription = await stream.pull_subscribe(">", stream=name, config=config)
                messages: list[Any] = []
                while len(messages) < held:
                    messages += await subscription.fetch(500, timeout=2)
                await subscription.unsubscribe()
                found[f"stream {name}"] = b"\n".join(
                    f"{each.subject} {each.headers}".encode() + each.data for each in messages
                )
        return found
