"""Transactions as services use them: nothing outlives them, nothing leaks, and what goes wrong has a name."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from carbot_core import db
from carbot_core.context import Context
from carbot_core.db import ConstraintViolated, Database, InvalidValue, TransactionConflict, parse_position, translate
from carbot_core.errors import DatabaseUnavailable, Unavailable
from carbot_testing.running import Place
from carbot_testing.world import Organization


@pytest_asyncio.fixture
async def database(api_databases: dict[str, Database]) -> AsyncGenerator[Database]:
    database = api_databases["crm"]
    yield database
    pool = database.primary
    assert pool.get_size() == pool.get_idle_size(), "a connection was not given back"


@pytest.fixture
def context(organization: Organization) -> Context:
    return Context(organization_id=organization.id, actor="user", actor_id=uuid4(), user_id=uuid4())


async def pid(tx: db.Tx) -> int | None:
    return await tx.value(int, "SELECT pg_backend_pid()")


class TestContext:
    async def test_is_gone_after_the_transaction(self, database: Database, context: Context) -> None:
        seen = """
            SELECT concat_ws(',', current_setting('carbot.organization', true), current_setting('carbot.user', true))
        """
        async with database.transaction(context) as tx:
            assert await tx.value(str, seen) == f"{context.organization_id},{context.user_id}"

        async def look() -> str | None:
            async with database.transaction(Context()) as tx:
                return await tx.value(str, seen)

        assert set(await asyncio.gather(*(look() for _ in range(30)))) == {","}
        left = "SELECT current_setting('carbot.organization', true) || current_setting('carbot.user', true)"
        async with database.transaction(context) as tx:
            await tx.execute("SELECT 1")
        outside = await asyncio.gather(*(database.primary.fetchval(left) for _ in range(30)))
        assert set(outside) <= {"", None}

    async def test_without_an_organisation_sees_nothing(self, database: Database) -> None:
        async with database.transaction(Context()) as tx:
            assert await tx.value(int, "SELECT count(*) FROM crm.workshops") == 0
            with pytest.raises(RuntimeError):
                _ = tx.organization_id

    @pytest.mark.parametrize(
        "hostile",
        [
            {"organization_id": "'); DROP TABLE crm.leads; --"},
            {"user_id": "x"},
            {"workshops": frozenset({"{}"})},
            {"actor_id": 1},
            {"request_id": "x"},
        ],
        ids=str,
    )
    def test_holds_nothing_that_could_be_sql(self, hostile: dict[str, Any]) -> None:
        with pytest.raises(TypeError):
            Context(**hostile)

    @pytest.mark.parametrize("trace", ["", "'", "0" * 31, "A" * 32, "0" * 32 + "\n", "٠" * 32])
    def test_holds_no_trace_id_that_could_be_sql(self, trace: str) -> None:
        with pytest.raises(ValueError, match="trace id"):
            Context(trace_id=trace)

    def test_holds_no_actor_that_is_none(self) -> None:
        with pytest.raises(ValueError, match="actor"):
            Context(actor=cast("Any", "admin', true); --"))

    def test_keeps_its_rules_when_it_is_changed(self) -> None:
        with pytest.raises(TypeError):
            msgspec.structs.replace(Context(), organization_id=cast("Any", "x"))


class TestEnd:
    async def test_of_a_transaction_that_raised_undoes_it(self, database: Database, context: Context) -> None:
        class Oops(Exception):
            pass

        unknown = uuid4()

        async def fail() -> None:
            async with database.transaction(context) as tx:
                await tx.execute("INSERT INTO tenants (organization_id) VALUES ($1)", unknown)
                raise Oops

        with pytest.raises(Oops):
            await fail()
        async with database.transaction(context) as tx:
            assert (
                await tx.value(UUID, "SELECT organization_id FROM tenants WHERE organization_id = $1", unknown) is None
            )

    async def test_of_one_that_hid_an_error_is_no_commit(self, database: Database, context: Context) -> None:
        tx = await database.begin(context)
        with pytest.raises(InvalidValue):
            await tx.execute("SELECT 1 / $1::int", 0)
        with pytest.raises(RuntimeError, match="swallowed"):
            await tx.commit()

    async def test_comes_once(self, database: Database, context: Context) -> None:
        tx = await database.begin(context)
        await tx.commit()
        await tx.rollback()
        for ended in (tx.commit(), tx.execute("SELECT 1"), tx.value(int, "SELECT 1")):
            with pytest.raises(RuntimeError, match="ended"):
                await ended

    async def test_of_a_cancelled_one_gives_its_connection_to_nobody(
        self, database: Database, context: Context
    ) -> None:
        pids = list[int | None]()

        async def sleep() -> None:
            async with database.transaction(context) as tx:
                pids.append(await pid(tx))
                await tx.execute("SELECT pg_sleep(10)")

        for _ in range(3):
            sleeping = asyncio.create_task(sleep())
            await asyncio.sleep(0.1)
            sleeping.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sleeping
        assert len(pids) == 3
        async with database.transaction(context) as tx:
            assert await tx.value(int, "SELECT 7") == 7

    async def test_of_one_still_open_is_given_to_nobody(self, database: Database, context: Context) -> None:
        tx = await database.begin(context)
        held = await pid(tx)
        await tx.release()
        others = [await database.begin(context) for _ in range(5)]
        assert held not in {await pid(other) for other in others}
        for other in others:
            await other.rollback()

    async def test_of_one_cancelled_while_it_begins_leaks_nothing(self, database: Database, context: Context) -> None:
        async def work() -> None:
            async with database.transaction(context) as tx:
                await tx.execute("SELECT 1")

        for delay in range(40):
            working = asyncio.create_task(work())
            await asyncio.sleep(delay / 20_000)
            working.cancel()
            await asyncio.wait({working})

    async def test_of_one_whose_connection_died_never_raises(
        self, database: Database, context: Context, superuser: asyncpg.Connection
    ) -> None:
        for statement_first in (True, False):
            tx = await database.begin(context)
            await superuser.execute("SELECT pg_terminate_backend($1, 1000)", await pid(tx))
            await asyncio.sleep(0.05)
            if statement_first:
                with pytest.raises(DatabaseUnavailable):
                    await tx.execute("SELECT 1")
            await tx.rollback()

    async def test_of_a_savepoint_undoes_its_inside_alone(self, database: Database, context: Context) -> None:
        kept, undone = uuid4(), uuid4()

        async def insert_both(tx: db.Tx) -> None:
            async with tx.savepoint():
                for organization_id in (undone, kept):
                    await tx.execute("INSERT INTO tenants (organization_id) VALUES ($1)", organization_id)

        async with database.transaction(context) as tx:
            await tx.execute("INSERT INTO tenants (organization_id) VALUES ($1)", kept)
            with pytest.raises(ConstraintViolated):
                await insert_both(tx)
        async with database.transaction(context) as tx:
            found = await tx.value(
                int, "SELECT count(*) FROM tenants WHERE organization_id = ANY ($1::uuid[])", [kept, undone]
            )
        assert found == 1

    async def test_of_a_savepoint_undoes_also_the_one_inside_that_went_well(
        self, database: Database, context: Context
    ) -> None:
        class Oops(Exception):
            pass

        async def fail_after_the_inner(tx: db.Tx) -> None:
            async with tx.savepoint():
                await tx.execute("INSERT INTO tenants (organization_id) VALUES ($1)", uuid4())
                async with tx.savepoint():
                    await tx.execute("SELECT 1")
                raise Oops

        count = "SELECT count(*) FROM tenants"
        async with database.transaction(context) as tx:
            before = await tx.value(int, count)
            with pytest.raises(Oops):
                await fail_after_the_inner(tx)
            assert await tx.value(int, count) == before

    async def test_inside_a_savepoint_leaves_the_reason_to_be_seen(self, database: Database, context: Context) -> None:
        class Oops(Exception):
            pass

        tx = await database.begin(context)

        async def end_and_fail() -> None:
            async with tx.savepoint():
                await tx.rollback()
                raise Oops

        with pytest.raises(Oops):
            await end_and_fail()

    async def test_of_a_read_only_one_wrote_nothing(self, database: Database, context: Context) -> None:
        with pytest.raises(DatabaseUnavailable):
            async with database.transaction(context, read_only=True) as tx:
                await tx.execute("INSERT INTO tenants (organization_id) VALUES ($1)", uuid4())

    async def test_is_told_to_whoever_has_work_then(self, database: Database, context: Context) -> None:
        told = list[bool]()
        before, database.on_write = database.on_write, lambda: told.append(True)
        try:
            await (await database.begin(context)).commit()
            undone, done = await database.begin(context), await database.begin(context)
            undone.leaves_work = done.leaves_work = True
            await undone.rollback()
            assert not told
            await done.commit()
            assert told == [True]
        finally:
            database.on_write = before


class TestStatement:
    async def test_tells_how_many_rows_it_touched(self, database: Database, context: Context) -> None:
        async with database.transaction(context) as tx:
            assert await tx.execute("SELECT generate_series(1, 12)") == 12
            assert await tx.execute("SAVEPOINT one") == 0

    async def test_that_always_has_a_row_says_so_when_it_has_none(self, database: Database, context: Context) -> None:
        async with database.transaction(context) as tx:
            with pytest.raises(LookupError):
                await tx.one(Number, "SELECT 1 AS n WHERE false")
            assert await tx.first(Number, "SELECT 1 AS n WHERE false") is None
            assert await tx.one(Number, "SELECT 1 AS n") == Number(1)
            assert await tx.all(Number, "SELECT n FROM generate_series(1, 2) AS n") == [Number(1), Number(2)]

    async def test_takes_and_gives_json_as_it_is(self, database: Database, context: Context) -> None:
        document = {"a": [1, "ü", None], "b": {}}
        async with database.transaction(context) as tx:
            assert await tx.value(dict, "SELECT $1::jsonb", document) == document


class Number(msgspec.Struct, frozen=True):
    n: int


class TestPool:
    async def test_that_is_empty_is_unavailable_and_not_for_ever(
        self, place: Place, context: Context, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(db, "ACQUIRE_SECONDS", 0.1)
        pool = await db.open_pool(place.plane.dsn(place.database, "crm_api"), statement_cache=0, size=2)
        database = Database(pool)
        held = [await database.begin(context) for _ in range(2)]
        with pytest.raises(DatabaseUnavailable):
            await database.begin(context)
        await held[0].rollback()
        await (await database.begin(context)).commit()
        await held[1].rollback()
        await pool.close()


class TestPosition:
    async def test_is_shared_and_never_before_the_commit(self, database: Database, context: Context) -> None:
        async def write() -> bool:
            async with database.transaction(context) as tx:
                await tx.execute("INSERT INTO tenants (organization_id) VALUES ($1)", uuid4())
                at = parse_position(await tx.value(str, "SELECT pg_current_wal_insert_lsn()::text"))
            position = parse_position(await database.position())
            assert at is not None
            assert position is not None
            return position > at

        assert all(await asyncio.gather(*(write() for _ in range(40))))

    @pytest.mark.parametrize(
        ("text", "position"),
        [
            ("0/0", 0),
            ("0/16B3748", 0x16B3748),
            ("1/0", 1 << 32),
            ("ffffffff/FFFFFFFF", (1 << 64) - 1),
            (None, None),
            ("", None),
            ("0/0\n", None),
            ("0/0 ", None),
            ("-0/0", None),
            ("0/0/0", None),
            ("123456789/0", None),
            ("0/g", None),
            ("٠/٠", None),
        ],
    )
    def test_is_read_in_its_one_form(self, text: str | None, position: int | None) -> None:
        assert parse_position(text) == position


class TestError:
    @pytest.mark.parametrize(
        ("state", "refusal"),
        [
            ("40001", TransactionConflict),
            ("40P01", TransactionConflict),
            ("55P03", Unavailable),
            ("57014", Unavailable),
            ("53100", Unavailable),
            ("53200", Unavailable),
            ("53300", Unavailable),
            ("53400", Unavailable),
            ("25006", DatabaseUnavailable),
            ("25P03", DatabaseUnavailable),
            ("57P01", DatabaseUnavailable),
            ("57P02", DatabaseUnavailable),
            ("57P03", DatabaseUnavailable),
            ("57P05", DatabaseUnavailable),
            ("08006", DatabaseUnavailable),
            ("08P01", DatabaseUnavailable),
            ("22021", InvalidValue),
            ("22003", InvalidValue),
            ("22P05", InvalidValue),
            ("23505", ConstraintViolated),
            ("23503", ConstraintViolated),
            ("23P01", ConstraintViolated),
            ("42501", type(None)),
            ("42P01", type(None)),
            ("25P02", type(None)),
        ],
    )
    def test_of_the_database_means(self, state: str, refusal: type) -> None:
        error = asyncpg.PostgresError.new({"C": state, "M": "a text with data", "D": "more data"})
        found = translate(error)
        assert type(found) is refusal
        if found is not None:
            assert "data" not in repr((found.context, found.public, str(found))).replace("database", "")

    @pytest.mark.parametrize(
        "error", [TimeoutError(), ConnectionResetError(), asyncpg.InterfaceError("x"), asyncpg.InternalClientError("x")]
    )
    def test_of_the_connection_means_unavailable(self, error: Exception) -> None:
        assert type(translate(error)) is DatabaseUnavailable

    @pytest.mark.parametrize(
        ("sql", "value"),
        [
            ("SELECT $1::text", "a\x00b"),
            ("SELECT $1::int", 2**63),
            ("SELECT $1::bigint", 2**63),
            ("SELECT $1::uuid", "x"),
            ("SELECT $1::jsonb", {"a": "\x00"}),
            ("SELECT 1 / $1::int", 0),
            ("SELECT $1::timestamptz", "yesterday"),
        ],
    )
    async def test_of_a_value_is_the_caller_s(
        self, database: Database, context: Context, sql: Any, value: object
    ) -> None:
        with pytest.raises(InvalidValue):
            async with database.transaction(context) as tx:
                await tx.value(str, sql, value)
