"""Upkeep of partitions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest_asyncio

from carbot_core.ids import new_id
from carbot_core.maintain import maintain
from carbot_testing.data_plane import DataPlane
from carbot_testing.plugin import TEMPLATE

type Eventually = Callable[..., Awaitable[Any]]
type Owner = asyncpg.Connection[asyncpg.Record]

_EVENT = """
    INSERT INTO crm.outbox (event_id, organization_id, subject, aggregate_id, aggregate_version, body, created_at)
    VALUES (gen_random_uuid(), gen_random_uuid(), 'crm.lead.changed.v1', gen_random_uuid(), 1, '{}', $1)
"""


@pytest_asyncio.fixture(scope="module")
async def url(plane: DataPlane) -> AsyncIterator[str]:
    """The address of a database of this module's own, for its owner."""
    name = f"maintain_{new_id().hex}"
    await plane.create_database(name, TEMPLATE)
    yield plane.dsn_direct(name, "crm_migrate")
    await plane.drop_database(name)


@pytest_asyncio.fixture
async def owner(url: str) -> AsyncIterator[Owner]:
    connection = await asyncpg.connect(url, statement_cache_size=0)
    await connection.execute("SET ROLE crm_owner")
    yield connection
    await connection.execute("DELETE FROM partman.part_config WHERE parent_table = 'crm.notes'")
    await connection.execute("DELETE FROM crm.outbox; DROP TABLE IF EXISTS crm.notes")
    await connection.close()


def now() -> datetime:
    return datetime.now(UTC)


async def days(owner: Owner, table: str) -> set[str]:
    """Return the days that a table has partitions for."""
    rows = await owner.fetch(
        """
        SELECT substring(pg_get_expr(child.relpartbound, child.oid) FROM $$FROM \\('(.{10})$$) AS day
        FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
        WHERE inhparent = $1::regclass AND pg_get_expr(child.relpartbound, child.oid) <> 'DEFAULT'
        """,
        table,
    )
    return {row["day"] for row in rows}


async def drop_future(owner: Owner, table: str, ahead: int) -> None:
    """Drop the partitions of the day that is so many days ahead and of all later ones, as if upkeep had not run since."""
    for day in await days(owner, table):
        if day >= f"{now() + timedelta(days=ahead):%Y-%m-%d}":
            await owner.execute(f"DROP TABLE {table}_p{day.replace('-', '_')}")


async def make_old_partition(owner: Owner, age: int) -> datetime:
    """Give the outbox the partition of a day in the past; return that day's noon."""
    day = now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=age)
    await owner.execute(
        f"CREATE TABLE crm.outbox_p{day:%Y_%m_%d} PARTITION OF crm.outbox"
        f" FOR VALUES FROM ('{day.isoformat()}') TO ('{(day + timedelta(days=1)).isoformat()}')"
    )
    return day + timedelta(hours=12)


class TestPartitions:
    async def test_are_made_ahead(self, url: str, owner: Owner) -> None:
        ahead = {f"{now() + timedelta(days=each):%Y-%m-%d}" for each in range(5)}
        assert await maintain(url, "crm", now()) == []
        assert await days(owner, "crm.outbox") >= ahead
        await drop_future(owner, "crm.outbox", 2)
        assert await maintain(url, "crm", now()) == []
        assert await days(owner, "crm.outbox") >= ahead
        assert await days(owner, "crm.audit_outbox") >= ahead

    async def test_of_a_tenant_table_are_protected_and_granted_to_nobody(self, url: str, owner: Owner) -> None:
        await owner.execute(
            """
            CREATE TABLE crm.notes (
                organization_id uuid NOT NULL, workshop_id uuid, id uuid NOT NULL, created_at timestamptz NOT NULL,
                CONSTRAINT notes_pkey PRIMARY KEY (organization_id, id, created_at)
            ) PARTITION BY RANGE (created_at)
            """
        )
        await owner.execute("SELECT core.partition('crm.notes', 'created_at', '1 day', 4)")
        await owner.execute("SELECT core.protect('crm.notes')")
        await owner.execute("GRANT SELECT, INSERT ON crm.notes TO crm_api")
        await drop_future(owner, "crm.notes", 4)
        assert await maintain(url, "crm", now()) == []
        partitions = await owner.fetch(
            """
            SELECT child.relname, child.relrowsecurity AND child.relforcerowsecurity AS protected, child.relacl,
                (SELECT array_agg(polname::text ORDER BY polname) FROM pg_policy WHERE polrelid = child.oid) AS policies
            FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
            WHERE inhparent = 'crm.notes'::regclass
            """
        )
        assert f"{now() + timedelta(days=4):%Y-%m-%d}" in await days(owner, "crm.notes")
        for partition in partitions:
            assert partition["protected"], partition["relname"]
            assert partition["policies"] == ["organization", "workshop"], partition["relname"]
            granted = {str(each).partition("=")[0] for each in partition["relacl"] or ()}
            assert granted <= {"crm_owner"}, partition["relname"]

    async def test_that_are_old_go_once_everything_in_them_is_published(self, url: str, owner: Owner) -> None:
        published, waiting, young = [await make_old_partition(owner, age) for age in (20, 19, 7)]
        for noon in (published, waiting, young):
            await owner.execute(_EVENT, noon)
        await owner.execute("UPDATE crm.outbox SET published_at = now() WHERE created_at <> $1", waiting)
        left = {f"{day:%Y-%m-%d}" for day in (waiting, young)}

        alarms = await maintain(url, "crm", now())
        assert await days(owner, "crm.outbox") >= left
        assert f"{published:%Y-%m-%d}" not in await days(owner, "crm.outbox")
        assert [alarm.partition(" ")[0] for alarm in alarms] == [f"crm.outbox_p{waiting:%Y_%m_%d}"]

        await owner.execute("UPDATE crm.outbox SET published_at = now() WHERE published_at IS NULL")
        assert await maintain(url, "crm", now()) == []
        assert f"{waiting:%Y-%m-%d}" not in await days(owner, "crm.outbox")
        assert f"{young:%Y-%m-%d}" in await days(owner, "crm.outbox")

    async def test_go_without_making_writers_wait_too_long(
        self, plane: DataPlane, url: str, owner: Owner, eventually: Eventually
    ) -> None:
        assert await maintain(url, "crm", now()) == []
        noon = await make_old_partition(owner, 20)
        reader = await asyncpg.connect(url)
        writer = await asyncpg.connect(plane.dsn_direct(url.rpartition("/")[2], "crm_api"), statement_cache_size=0)
        # As a relay does while it publishes: a read of the outbox in a transaction that goes on.
        await reader.execute("SET ROLE crm_owner; BEGIN; SELECT FROM crm.outbox")
        going = asyncio.create_task(maintain(url, "crm", now()))
        waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'crm.outbox'::regclass AND NOT granted)"
        await eventually(lambda: owner.fetchval(waiting))
        for _ in range(8):
            await writer.execute(_EVENT, now())
            await asyncio.sleep(0.1)
        await reader.execute("ROLLBACK")
        assert await going == []
        assert f"{noon:%Y-%m-%d}" not in await days(owner, "crm.outbox")
        for connection in (reader, writer):
            await connection.close()


class TestDefaultPartition:
    async def test_raises_an_alarm_when_something_fell_into_it(self, url: str, owner: Owner) -> None:
        await owner.execute(_EVENT, now() - timedelta(days=400))
        [alarm] = await maintain(url, "crm", now())
        assert "crm.outbox_default" in alarm

    async def test_raises_an_alarm_when_it_stands_in_the_way_of_a_new_partition(self, url: str, owner: Owner) -> None:
        for outbox in ("crm.outbox", "crm.audit_outbox"):
            await drop_future(owner, outbox, 3)
        await owner.execute(_EVENT, now() + timedelta(days=3))
        alarms = await maintain(url, "crm", now())
        assert any("crm.outbox_default" in alarm for alarm in alarms)
        assert f"{now() + timedelta(days=4):%Y-%m-%d}" in await days(owner, "crm.audit_outbox"), "one held up the other"
