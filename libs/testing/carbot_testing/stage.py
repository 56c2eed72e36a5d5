"""A stage for tests of events: a database and a broker that nobody else uses, so that both may be broken."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

import asyncpg
import httpx
import msgspec
from click.testing import CliRunner
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.client import JetStreamContext

from carbot_contracts.crm import LeadChanged, LeadCreated
from carbot_contracts.event import Event
from carbot_core import bus, cli, inbox, outbox, processes
from carbot_core.clock import Clock, utc_now
from carbot_core.consume import Consumer, Envelope
from carbot_core.context import Context
from carbot_core.db import Database, Tx
from carbot_core.health import Health
from carbot_core.ids import new_id
from carbot_core.inbox import DeadLetter
from carbot_core.outbox_lanes import EVENTS
from carbot_core.relay import Relay
from carbot_core.service import Service
from carbot_local import nats
from carbot_testing.data_plane import DataPlane, NatsServer
from carbot_testing.issuer import Issuer
from carbot_testing.running import Place, client, durables, service, until_ready
from carbot_testing.world import Organization, World

STREAMS = {name: [f"{name.lower()}.>"] for name in ("TENANCY", "CRM", "AUDIT")}
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE_ID = TRACEPARENT.split("-")[1]

# What the recorder hears, as often as it takes effect; and the state of leads that it keeps, newest version only.
_TABLES = """
    CREATE TABLE crm.heard (
        event_id uuid NOT NULL, organization_id uuid NOT NULL, aggregate_id uuid NOT NULL, version bigint NOT NULL
    );
    GRANT SELECT, INSERT ON crm.heard TO crm_worker;
    CREATE TABLE crm.mirror (
        organization_id uuid NOT NULL, lead_id uuid NOT NULL, version bigint NOT NULL,
        CONSTRAINT mirror_pkey PRIMARY KEY (organization_id, lead_id)
    );
    GRANT SELECT, INSERT, UPDATE, DELETE ON crm.mirror TO crm_worker;
"""


class CommandError(Exception):
    """A command ended with another status than 0; the text is what it printed."""


class Heard(msgspec.Struct, frozen=True):
    """An event that took effect in the recorder."""

    event_id: UUID
    aggregate_id: UUID
    version: int


async def hear(tx: Tx, event: Event, envelope: Envelope) -> None:
    """Note the event, and take over its version of the aggregate if it is newer than what is known."""
    await tx.execute(
        "INSERT INTO crm.heard (event_id, organization_id, aggregate_id, version) VALUES ($1, $2, $3, $4)",
        envelope.event_id,
        tx.organization_id,
        event.aggregate_id(),
        envelope.version,
    )
    await tx.execute(
        """
        INSERT INTO crm.mirror (organization_id, lead_id, version)
        VALUES ($1, $2, $3)
        ON CONFLICT (organization_id, lead_id) DO UPDATE
        SET version = EXCLUDED.version
        WHERE mirror.version < EXCLUDED.version
        """,
        tx.organization_id,
        event.aggregate_id(),
        envelope.version,
    )


def recorder(name: str = "recorder") -> Consumer:
    """Return a consumer of crm's own events that notes what it hears."""
    return Consumer("crm", name, "CRM", {LeadCreated: hear, LeadChanged: hear})


class Stage:
    """Crm on a database and a broker of its own, beside a user of the broker who may do everything."""

    def __init__(self, place: Place, api: Database, worker: Database, broker: Client) -> None:
        self.place = place
        self.api_database = api
        self.worker_database = worker
        self.broker = broker
        self.stream: JetStreamContext = bus.jetstream(broker)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, plane: DataPlane, template: str, jwks_url: str, *consumers: nats.Consumer
    ) -> AsyncGenerator[Self]:
        """Make the database and the broker; crm may use these consumers beside its own."""
        name = f"stage_{new_id().hex}"
        allowed: Mapping[str, Sequence[Any]] = {
            user: [*own, *consumers] if user == "crm" else own for user, own in durables().items()
        }
        server = NatsServer(allowed)
        try:
            server.start()
            await plane.create_database(name, template)
            place = Place(plane, name, server, jwks_url)
            async with (
                Database.connect(plane.dsn(name, "crm_api")) as api,
                Database.connect(plane.dsn(name, "crm_worker")) as worker,
                bus.connect(server.url, server.seed("provision"), "provision", wait=5) as broker,
            ):
                stage = cls(place, api, worker, broker)
                await stage.as_owner(_TABLES)
                await stage.provision()
                yield stage
        finally:
            server.close()
            await plane.drop_database(name)

    @property
    def nats(self) -> NatsServer:
        return self.place.nats

    def service(self, *consumers: Consumer, **changes: Any) -> Service:
        """Return crm with these consumers instead of its own."""
        return msgspec.structs.replace(service("crm"), consumers=consumers, **changes)

    @asynccontextmanager
    async def worker(
        self, *consumers: Consumer, clock: Clock = utc_now, ready: bool = True, **changes: Any
    ) -> AsyncGenerator[Health]:
        """Run a worker of crm with these consumers."""
        settings = self.place.settings("crm", "worker")
        async with processes.worker(self.service(*consumers, **changes), settings, clock=clock) as health:
            if ready:
                await until_ready(health.unready)
            yield health

    @asynccontextmanager
    async def api(self, organization: Organization, issuer: Issuer) -> AsyncGenerator[httpx.AsyncClient]:
        """Run an api of crm; yield a client of the organisation's owner."""
        settings = self.place.settings("crm", "api")
        async with processes.api(service("crm"), settings) as (edge, health):
            await until_ready(health.unready)
            async with client(edge, "crm", authorization=f"Bearer {issuer.token(organization.id)}") as owner:
                yield owner

    def relay(self, *, stream: JetStreamContext | None = None) -> Relay:
        """Return a relay of crm's events that carries when it is told to."""
        return Relay(self.worker_database, stream or self.stream, service="crm", lane=EVENTS, connected=lambda: True)

    async def provision(self) -> None:
        """Make the streams."""
        await bus.provision(self.stream, STREAMS, replicas=1)

    async def connected(self) -> None:
        """Wait until the broker answers again; raise TimeoutError."""
        async with asyncio.timeout(15):
            while not self.broker.is_connected:
                await asyncio.sleep(0.01)

    async def command(self, *arguments: str, of: str = "crm") -> str:
        """Run a command of a service as an operator does; return what it printed, raise CommandError if it failed."""
        variables = self.place.environment(of, "worker")
        if arguments[0] == "provision":
            variables["CARBOT_NATS_SEED"] = self.nats.seed("provision")
        # A command has a loop of its own, hence the thread.
        result = await asyncio.to_thread(CliRunner().invoke, cli.commands(service(of)), arguments, env=variables)
        if result.exit_code != 0:
            raise CommandError(result.output)
        return result.output

    async def dead_letters(self) -> list[DeadLetter]:
        async with self.worker_database.transaction(Context(), read_only=True) as tx:
            return await inbox.list_dead_letters(tx)

    async def as_owner(self, sql: str) -> None:
        """Run statements as the owner of crm's schema."""
        connection = await asyncpg.connect(self.place.plane.dsn_direct(self.place.database, "crm_migrate"))
        try:
            await connection.execute("SET ROLE crm_owner")
            await connection.execute(sql)
        finally:
            await connection.close()

    async def organization(self) -> Organization:
        """Make an organisation with a workshop that crm knows."""
        return await World({"crm": self.worker_database}).organization()

    async def lead(self, organization: Organization) -> UUID:
        """Store a lead as it is before anything was announced of it."""
        lead_id = new_id()
        async with self.api_database.transaction(Context(organization_id=organization.id)) as tx:
            await tx.execute(
                """
                INSERT INTO crm.leads
                    (organization_id, id, workshop_id, source, name, email, request, language, created_at, updated_at)
                VALUES ($1, $2, $3, 'phone', 'Jörg Weiß', 'j@example.org', 'Reifen', 'de', now(), now())
                """,
                organization.id,
                lead_id,
                organization.workshops[0],
            )
        return lead_id

    async def publish(
        self,
        organization_id: UUID,
        event: Event,
        version: int = 1,
        *,
        event_id: UUID | None = None,
        message_id: str | None = None,
    ) -> None:
        """Publish an event as the relay of its service would."""
        event_id = event_id or new_id()
        headers = envelope_headers(organization_id, event_id, event.aggregate_id(), version)
        body = msgspec.json.encode(event)
        await self.publish_raw(event.subject, body, headers | {"Nats-Msg-Id": message_id or str(event_id)})

    async def publish_raw(self, subject: str, body: bytes, headers: Mapping[str, str]) -> None:
        await self.stream.publish(subject, body, headers=dict(headers))

    async def published(self, stream: str = "CRM") -> list[Msg]:
        """Return everything in a stream, in its order."""
        config = ConsumerConfig(ack_policy=AckPolicy.NONE, inactive_threshold=10)
        subscription = await self.stream.pull_subscribe(STREAMS[stream][0], stream=stream, config=config)
        found: list[Msg] = []
        held = (await self.stream.stream_info(stream)).state.messages
        while len(found) < held:
            found += await subscription.fetch(500, timeout=2)
        await subscription.unsubscribe()
        return found

    async def heard(self, organization: Organization) -> list[Heard]:
        """Return what took effect in the recorder for an organisation."""
        async with self.worker_database.transaction(Context(), read_only=True) as tx:
            return await tx.all(
                Heard,
                "SELECT event_id, aggregate_id, version FROM crm.heard WHERE organization_id = $1",
                organization.id,
            )

    async def mirror(self, organization: Organization) -> dict[UUID, int]:
        """Return the recorder's versions of leads."""
        async with self.worker_database.transaction(Context(), read_only=True) as tx:
            rows = await tx.all(
                _Version, "SELECT lead_id, version FROM crm.mirror WHERE organization_id = $1", organization.id
            )
        return {row.lead_id: row.version for row in rows}

    async def unpublished(self) -> int:
        """Count what waits in the outbox."""
        async with self.worker_database.transaction(Context(), read_only=True) as tx:
            return await tx.value(int, "SELECT count(*) FROM outbox WHERE published_at IS NULL") or 0


class _Version(msgspec.Struct, frozen=True):
    lead_id: UUID
    version: int


async def change(tx: Tx, organization: Organization, lead_id: UUID) -> int:
    """Raise a lead's version and announce it, as an action does; return the version."""
    version = await tx.value(
        int,
        "UPDATE crm.leads SET revision = revision + 1 WHERE organization_id = $1 AND id = $2 RETURNING revision",
        organization.id,
        lead_id,
    )
    if version is None:
        raise LookupError("there is no such lead")
    await outbox.add(tx, lead_changed(lead_id, organization.workshops[0]), version=version)
    return version


def lead_changed(lead_id: UUID, workshop_id: UUID) -> LeadChanged:
    return LeadChanged(
        lead_id=lead_id, workshop_id=workshop_id, source="phone", status="new", created_at=datetime.now(UTC)
    )


def envelope_headers(organization_id: UUID, event_id: UUID, aggregate_id: UUID, version: int) -> dict[str, str]:
    """Return the headers that a relay would set."""
    return {
        "ce-specversion": "1.0",
        "ce-id": str(event_id),
        "ce-time": datetime.now(UTC).isoformat(),
        "organization": str(organization_id),
        "aggregate": str(aggregate_id),
        "aggregate-version": str(version),
        "traceparent": TRACEPARENT,
    }
