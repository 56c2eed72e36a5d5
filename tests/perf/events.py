"""Events: how many a relay carries, how many a consumer takes, and how long one takes from commit to effect."""

import asyncio
from collections.abc import Generator
from contextlib import AsyncExitStack
from time import perf_counter, time
from typing import LiteralString
from uuid import UUID

import asyncpg

from carbot_contracts.tenancy import WorkshopChanged
from carbot_core import bus, outbox
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.errors import Unavailable
from carbot_core.processes import _Waker
from carbot_local.pgbouncer import statement_cache
from carbot_testing.running import Place
from tests.perf import data, tenants
from tests.perf.load import Latencies, arrivals, follow
from tests.perf.report import Row
from tests.perf.stack import running
from tests.perf.volume import Volume

_LONGEST_PAUSE_SECONDS = 30
_HEADROOM = 0.5

_BACKLOG: LiteralString = """
    INSERT INTO tenancy.outbox (event_id, organization_id, subject, aggregate_id, aggregate_version, body)
    SELECT core.uuid7(), ($1 || number)::uuid, 'tenancy.workshop.changed.v1', ($2 || number)::uuid, 2 + event / $4::int,
        convert_to(jsonb_build_object('workshop_id', $2 || number, 'name', 'Werkstatt', 'slug', 'werkstatt-' || number,
            'time_zone', 'Europe/Berlin', 'postal_code', '10115', 'is_active', true)::text, 'UTF8')
    FROM (SELECT event, $3::int + event % $4::int AS number FROM generate_series(0, $5::int - 1) AS event) events
"""

# A transaction of the relay marks what it carried with the time at which it began: the first one's share is left out.
_CARRIED: LiteralString = """
    SELECT count(*) FILTER (WHERE published_at > first) / extract(epoch FROM max(published_at) - first)::float8
    FROM tenancy.outbox, (SELECT min(published_at) AS first FROM tenancy.outbox) began
    GROUP BY first
"""

_TAKEN: LiteralString = """
    SELECT count(*) / extract(epoch FROM max(at) - min(at))::float8
    FROM (SELECT pg_xact_commit_timestamp(xmin) AS at FROM crm.inbox) taken
"""

_AUDITED: LiteralString = """
    SELECT count(*) / extract(epoch FROM max(at) - min(at))::float8
    FROM (SELECT pg_xact_commit_timestamp(xmin) AS at FROM compliance.audit_logs) logged
"""

_EFFECTS: LiteralString = """
    SELECT o.aggregate_id, o.aggregate_version,
        extract(epoch FROM pg_xact_commit_timestamp(i.xmin))::float8 AS at
    FROM tenancy.outbox o
    JOIN crm.inbox i ON i.consumer = 'directory' AND i.event_id = o.event_id
    WHERE o.subject = 'tenancy.workshop.changed.v1'
"""


async def measure_backlog(place: Place, connection: asyncpg.Connection, volume: Volume) -> list[Row]:
    """Let tenancy's relay carry a backlog, then crm's consumer take it."""
    numbers = (tenants.ORGANIZATION, tenants.WORKSHOP, tenants.FIRST, volume.organizations)
    await connection.execute(_BACKLOG, *numbers, volume.backlog)
    async with running(place, "tenancy", "worker"):
        await until_none(connection, "SELECT count(*) FROM tenancy.outbox WHERE published_at IS NULL")
    carried: float = await connection.fetchval(_CARRIED)
    async with running(place, "crm", "worker"):
        await until_none(connection, "SELECT (SELECT count(*) FROM tenancy.outbox) - (SELECT count(*) FROM crm.inbox)")
    taken: float = await connection.fetchval(_TAKEN)
    work = f"backlog of {volume.backlog:,} events"
    return [
        Row(work, "tenancy's relay", per_second=carried, limit="≥ 2000/s"),
        Row(work, "crm's consumer", per_second=taken),
    ]


async def measure_audit(place: Place, connection: asyncpg.Connection) -> list[Row]:
    """Let crm's relay and compliance's consumer carry what the triggers recorded of the creations before, together."""
    changes: int = await connection.fetchval("SELECT count(*) FROM crm.audit_outbox")
    await connection.execute("TRUNCATE crm.outbox")
    async with AsyncExitStack() as stack:
        for service in ("crm", "compliance"):
            await stack.enter_async_context(running(place, service, "worker"))
        await until_none(
            connection,
            """
            SELECT (SELECT count(*) FROM crm.audit_outbox) - (SELECT count(*) FROM compliance.inbox WHERE consumer = 'audit')
            """,
        )
    logged: float = await connection.fetchval(_AUDITED)
    return [Row(f"audit of {changes:,} changes", "crm's relay → compliance's log", per_second=logged, limit="≥ 2000/s")]


async def measure_delays(
    place: Place, connection: asyncpg.Connection, volume: Volume, *, relay_per_second: float, consumer_per_second: float
) -> list[Row]:
    """Commit events in tenancy at a steady pace, the volume's; and at half of what relay and consumer sustain together, if that is less."""
    sustained = _HEADROOM / (1 / relay_per_second + 1 / consumer_per_second)
    rows: list[Row] = []
    for pace in {volume.events_per_second, min(volume.events_per_second, sustained)}:
        rows.append(await measure_delay(place, connection, volume, pace))
        await data.forget_events(connection)
    return rows


async def measure_delay(place: Place, connection: asyncpg.Connection, volume: Volume, pace: float) -> Row:
    """Commit events in tenancy at a steady pace; return how long each took to its effect in crm.

    From just before the COMMIT is sent, to the time that PostgreSQL notes for the commit of the effect.
    """
    async with AsyncExitStack() as stack:
        for service in ("tenancy", "crm"):
            await stack.enter_async_context(running(place, service, "worker"))
        committed = await write(place, volume, arrivals(pace, volume.events_seconds))
        await until_none(connection, "SELECT (SELECT count(*) FROM tenancy.outbox) - (SELECT count(*) FROM crm.inbox)")
    latencies = Latencies()
    effects = await connection.fetch(_EFFECTS)
    for effect in effects:
        latencies.record(effect["at"] - committed.pop((effect["aggregate_id"], effect["aggregate_version"])))
    return Row(
        f"commit to effect at {pace:.0f}/s",
        "tenancy → crm's directory",
        per_second=len(effects) / volume.events_seconds,
        latencies=latencies,
        limit="p50 ≤ 50 ms, p99 ≤ 250 ms",
        errors=len(committed),
    )


async def write(place: Place, volume: Volume, moments: Generator[float]) -> dict[tuple[UUID, int], float]:
    """Commit events at these moments as tenancy's api does; return when the commit of each was asked for."""
    committed: dict[tuple[UUID, int], float] = {}
    numbers = [tenants.FIRST + index for index in range(volume.organizations)]
    url = place.plane.dsn(place.database, "tenancy_api")
    async with (
        Database.connect(url, statement_cache=statement_cache()) as writer,
        bus.connect(place.nats.url, place.nats.seed("tenancy"), "tenancy-bench", wait=5) as client,
    ):
        waker = _Waker(client, "tenancy")
        writer.on_write = waker.soon
        waking = asyncio.create_task(waker.run())

        async def commit(_intended: float) -> None:
            version, index = divmod(len(committed), len(numbers))
            event, key = _event(numbers[index]), (tenants.workshop(numbers[index]), 1_000_000 + version)
            committed[key] = 0
            try:
                tx = await writer.begin(Context(organization_id=tenants.organization(numbers[index])))
            except Unavailable:
                return  # what was never written never takes effect, and so is counted as an error
            await outbox.add(tx, event, version=key[1])
            committed[key] = time()
            await tx.commit()

        await follow(moments, commit)
        waking.cancel()
    return committed


def _event(number: int) -> WorkshopChanged:
    return WorkshopChanged(
        workshop_id=tenants.workshop(number),
        name=f"Werkstatt {number}",
        slug=f"werkstatt-{number}",
        time_zone="Europe/Berlin",
        postal_code="10115",
        is_active=True,
    )


async def until_none(connection: asyncpg.Connection, count: LiteralString) -> None:
    """Wait until nothing is left; raise TimeoutError if it becomes no less for long."""
    least: int | None = None
    moved_at = perf_counter()
    while (left := await connection.fetchval(count)) > 0:
        if least is None or left < least:
            least, moved_at = left, perf_counter()
        if perf_counter() - moved_at > _LONGEST_PAUSE_SECONDS:
            raise TimeoutError(f"{left} left: {count}")
        await asyncio.sleep(0.2)
