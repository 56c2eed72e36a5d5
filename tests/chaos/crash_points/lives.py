"""What the processes do in their lives: the product's own loops, each with as little around it as it can have."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from nats.js.client import JetStreamContext

from carbot_contracts.crm import LeadChanged
from carbot_contracts.event import Event
from carbot_core import bus, outbox, processes, timers
from carbot_core.cli import replay_dead_letter
from carbot_core.clock import utc_now
from carbot_core.consume import Consumer, Consumption, Envelope
from carbot_core.context import Context
from carbot_core.crypto import Sealer
from carbot_core.db import Database, Tx
from carbot_core.errors import Conflict
from carbot_core.ids import new_id
from carbot_core.jobs import Job, JobLoop, Lease
from carbot_core.outbox_lanes import AUDIT, EVENTS
from carbot_core.relay import Relay
from carbot_core.service import Service
from carbot_core.settings import Settings, read
from carbot_core.timers import Due, TimerLoop
from carbot_testing.running import service, until_ready
from carbot_testing.stage import hear
from tests.chaos.crash_points.asking import ask
from tests.chaos.crash_points.fate import Fate


class Life(msgspec.Struct, frozen=True):
    """What a process is given: its environment and arguments, its fate, and a way to tell what the world has seen of it."""

    environment: Mapping[str, str]
    arguments: Mapping[str, Any]
    fate: Fate
    tell: Callable[[object], object]

    def settings(self, name: str) -> Settings:
        return read(service(name).settings, self.environment)

    def now(self) -> datetime:
        """Return the time, moved by as many seconds as the arguments say."""
        return utc_now() + timedelta(seconds=self.arguments.get("ahead", 0))

    @asynccontextmanager
    async def worker(self, name: str) -> AsyncGenerator[tuple[Database, JetStreamContext]]:
        settings = self.settings(name)
        async with (
            Database.connect(settings.database_url) as database,
            bus.connect(settings.nats_url, settings.nats_seed, f"{name}-worker", wait=5) as client,
        ):
            yield database, bus.jetstream(client)


class Broken(Conflict):
    """The event contradicts what is stored."""


async def hear_and_tell(tx: Tx, event: Event, envelope: Envelope) -> None:
    """Take the event over, and announce one of our own."""
    await hear(tx, event, envelope)
    assert isinstance(event, LeadChanged)
    await outbox.add(tx, event, version=envelope.version)


async def refuse(tx: Tx, event: Event, envelope: Envelope) -> None:
    """Do half of what is to be done, and find that it cannot be."""
    await hear_and_tell(tx, event, envelope)
    raise Broken


def listener(name: str = "listener") -> Consumer:
    handler = refuse if name == "refuser" else hear_and_tell
    return Consumer("crm", name, "CRM", {LeadChanged: handler})


def crm() -> Service:
    """Return crm with the consumer whose dead letters are replayed."""
    return msgspec.structs.replace(service("crm"), consumers=(listener(),))


async def post(life: Life) -> None:
    """Serve one write, asked again for as long as its key is in use."""
    async with processes.api(service("crm"), life.settings("crm")) as (edge, health):
        await until_ready(health.unready)
        with life.fate.counted():
            await ask(edge, life.arguments, life.tell)


async def relay(life: Life) -> None:
    async with life.worker("crm") as (database, stream):
        with life.fate.counted():
            await Relay(database, stream, service="crm", lane=EVENTS, connected=lambda: True).run()


async def seal(life: Life) -> None:
    async with life.worker("crm") as (database, stream):
        sealer = Sealer(life.settings("crm").audit_public_keys)
        with life.fate.counted():
            await Relay(database, stream, service="crm", lane=AUDIT, connected=lambda: True, sealer=sealer).run()


async def listen(life: Life) -> None:
    async with life.worker("crm") as (database, stream):
        consumer = listener(life.arguments["consumer"])
        with life.fate.counted():
            await Consumption(consumer, database, stream, utc_now).run()


async def append(life: Life) -> None:
    async with life.worker("compliance") as (database, stream):
        [audit] = [each for each in service("compliance").consumers if each.name == "audit"]
        consumer = audit.prepare(life.settings("compliance"))
        with life.fate.counted():
            await Consumption(consumer, database, stream, utc_now).run()


async def replay(life: Life) -> None:
    settings = life.settings("crm")
    async with Database.connect(settings.database_url) as database:
        with life.fate.counted():
            await replay_dead_letter(crm(), settings, database, UUID(life.arguments["letter"]))


async def note(tx: Tx, key: UUID) -> None:
    """Leave a trace that a test can count."""
    await tx.execute(
        "INSERT INTO crm.heard (event_id, organization_id, aggregate_id, version) VALUES ($1, $2, $3, 1)",
        new_id(),
        tx.organization_id,
        key,
    )


async def fire(life: Life) -> None:
    async with life.worker("crm") as (database, _):

        async def act(due: Due) -> None:
            async with database.transaction(Context(organization_id=due.organization_id)) as tx:
                if await timers.finish(tx, due):
                    await note(tx, due.key)

        with life.fate.counted():
            await TimerLoop(database, {life.arguments["kind"]: act}, life.now).run()


async def run_job(life: Life) -> None:
    """Run a job if it is due: it tidies away what the organisation's rows are marked with, batch after batch."""

    async def tidy(database: Database, lease: Lease, _now: datetime) -> None:
        context = Context(organization_id=UUID(life.arguments["organization"]))
        for _ in range(2):
            await lease.renew()
            life.tell({"batch": True})
            async with database.transaction(context) as tx:
                await tx.execute(
                    "DELETE FROM crm.mirror WHERE organization_id = $1 AND version = 1", tx.organization_id
                )

    async with life.worker("crm") as (database, _):
        job = Job(life.arguments["job"], timedelta(hours=1), tidy)
        with life.fate.counted():
            await JobLoop(database, (job,), life.now).run_if_due(job)


WORKS: Mapping[str, Callable[[Life], Awaitable[None]]] = {
    work.__name__: work for work in (post, relay, seal, listen, append, replay, fire, run_job)
}
