"""For whom a transaction runs: all of it reaches the database, and ends with the transaction."""

import asyncio
from uuid import uuid4

import pytest

from carbot_core.context import SETTINGS, Context
from carbot_core.db import Database, Tx

FULL = Context(
    organization_id=uuid4(),
    user_id=uuid4(),
    workshops=frozenset({uuid4(), uuid4()}),
    actor="api_key",
    actor_id=uuid4(),
    request_id=uuid4(),
    trace_id="0af7651916cd43dd8448eb211c80319c",
)
SAID = [
    str(FULL.organization_id),
    str(FULL.user_id),
    f"api_key:{FULL.actor_id}",
    "{" + ",".join(sorted(str(each) for each in FULL.workshops or ())) + "}",
    str(FULL.request_id),
    FULL.trace_id,
]
NOBODY = ["", "", "system:", "all", "", ""]
SEEN = "SELECT array(SELECT current_setting(name, true) FROM unnest($1::text[]) WITH ORDINALITY AS names (name, at) ORDER BY at)"


@pytest.fixture
def database(api_databases: dict[str, Database]) -> Database:
    return api_databases["crm"]


async def settings(tx: Tx) -> list[str] | None:
    return await tx.value(list[str], SEEN, list(SETTINGS))


async def assert_nothing_is_left(database: Database) -> None:
    """Look at the connections, as many as the pooler may have, outside of every context."""
    left = await asyncio.gather(*(database.primary.fetchval(SEEN, list(SETTINGS)) for _ in range(30)))
    assert {value for each in left for value in each} <= {"", None}


class TestContext:
    async def test_is_what_the_database_is_told(self, database: Database) -> None:
        for context, said in ((FULL, SAID), (Context(), NOBODY)):
            async with database.transaction(context) as tx:
                assert await settings(tx) == said
        await assert_nothing_is_left(database)

    async def test_that_is_changed_on_the_way_is_told_and_ends_as_well(self, database: Database) -> None:
        async with database.transaction(Context()) as tx:
            await tx.go_on_as(FULL)
            assert (tx.context, await settings(tx)) == (FULL, SAID)
            async with tx.within(None):
                assert await settings(tx) == ["", *SAID[1:]]
            assert await settings(tx) == SAID
        await assert_nothing_is_left(database)

    async def test_that_is_rolled_back_ends_as_well(self, database: Database) -> None:
        tx = await database.begin(FULL)
        await tx.rollback()
        await assert_nothing_is_left(database)

    def test_names_the_position_that_a_replica_must_have_reached(self) -> None:
        begun = Context().begin(read_only=True, replay=(0x12 << 32) | 0xABCDEF01)
        assert begun.startswith("BEGIN READ ONLY; SELECT ")
        assert begun.endswith(", core.require_replay('12/ABCDEF01'::pg_lsn)")
        assert Context().begin(read_only=False, replay=None).startswith("BEGIN; SELECT ")

    async def test_that_may_only_read_does_not_write(self, database: Database) -> None:
        # On the primary too, for want of a replica: it is the route's promise, not the replica's.
        alone = Database(database.primary)
        for tx in (await alone.begin_stale(FULL, seen=0), await alone.begin(FULL, read_only=True)):
            assert await tx.value(str, "SELECT current_setting('transaction_read_only')") == "on"
            await tx.rollback()
        async with alone.transaction(FULL) as tx:
            assert await tx.value(str, "SELECT current_setting('transaction_read_only')") == "off"
