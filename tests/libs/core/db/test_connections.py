"""Connections: counted, given back, and ended where nobody else must get them."""

import asyncio
from typing import override

import asyncpg
import pytest

from carbot_core import db
from carbot_core.context import Context
from carbot_core.db import Database, InvalidValue
from carbot_core.errors import DatabaseUnavailable
from carbot_testing.running import Place


@pytest.fixture
def database(api_databases: dict[str, Database]) -> Database:
    return api_databases["crm"]


class Begins(Context, frozen=True, kw_only=True):
    """Begins a transaction with a statement of its own."""

    then: str

    @override
    def begin(self, *, read_only: bool, replay: int | None) -> str:
        return f"BEGIN; {self.then}"


async def assert_at_rest(database: Database) -> None:
    """Nothing is held, and every connection is fit for use."""
    assert database.in_use()["rw"] == 0
    for _ in range(3):
        begun = [await database.begin(Context()) for _ in range(5)]
        for tx in begun:
            assert await tx.value(int, "SELECT 7") == 7
            await tx.commit()


class TestConnection:
    async def test_is_counted_while_it_is_held(self, database: Database) -> None:
        before = database.in_use()
        tx = await database.begin(Context())
        assert database.in_use() == {**before, "rw": before["rw"] + 1}
        await tx.rollback()
        assert database.in_use() == before
        assert set(Database(database.primary, database.primary).in_use()) == {"rw", "ro"}

    async def test_that_is_lost_between_statements_is_not_given_to_the_next(
        self, database: Database, superuser: asyncpg.Connection
    ) -> None:
        tx = await database.begin(Context())
        pid = await tx.value(int, "SELECT pg_backend_pid()")
        await superuser.execute("SELECT pg_terminate_backend($1, 1000)", pid)
        await tx.rollback()
        async with database.transaction(Context()) as tx:
            assert await tx.value(int, "SELECT 7") == 7

    async def test_that_was_cancelled_while_it_began_is_given_to_nobody(self, database: Database) -> None:
        for _ in range(3):
            beginning = asyncio.create_task(database.begin(Begins(then="SELECT pg_sleep(10)")))
            await asyncio.sleep(0.1)
            beginning.cancel()
            with pytest.raises(asyncio.CancelledError):
                await beginning
        await assert_at_rest(database)

    @pytest.mark.parametrize(
        ("then", "refusal"),
        [("SELECT 1 / 0", InvalidValue), ("SELECT * FROM nowhere", DatabaseUnavailable)],
        ids=["a value", "a fault"],
    )
    async def test_that_could_not_begin_says_why(self, database: Database, then: str, refusal: type[Exception]) -> None:
        for _ in range(3):
            with pytest.raises(refusal):
                await database.begin(Begins(then=then))
        await assert_at_rest(database)


class TestPool:
    async def test_is_opened_when_it_is_needed_and_closed_in_the_end(self, place: Place) -> None:
        url, url_ro = (make(place.database, "crm_api") for make in (place.plane.dsn, place.plane.dsn_ro))
        async with Database.connect(url, url_ro) as database:
            pools = database.primary, database.replica
            assert [pool and pool.get_size() for pool in pools] == [0, 0]
            await (await database.begin(Context())).commit()
            assert [pool and pool.get_size() for pool in pools] == [1, 0]
        assert [pool and pool.is_closing() for pool in pools] == [True, True]

    async def test_asks_nothing_of_a_connection_that_is_given_back(self, place: Place) -> None:
        # Behind the pooler it would be somebody else's by then.
        pool = await db.open_pool(place.plane.dsn_direct(place.database, "crm_api"), statement_cache=0, size=1)
        await pool.execute("SELECT set_config('carbot.probe', 'still', false)")
        assert await pool.fetchval("SELECT current_setting('carbot.probe', true)") == "still"
        await pool.close()

    async def test_gives_a_statement_up_that_takes_too_long(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(db, "COMMAND_SECONDS", 0.2)
        pool = await db.open_pool(place.plane.dsn(place.database, "crm_api"), statement_cache=0)
        tx = await Database(pool).begin(Context())
        with pytest.raises(DatabaseUnavailable):
            await tx.execute("SELECT pg_sleep(3)")
        await tx.rollback()
        await pool.close()
