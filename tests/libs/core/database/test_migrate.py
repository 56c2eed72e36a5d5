"""Migrations run as the owner, from real files, one runner at a time."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from carbot_core.migrate import MigrationError, migrate, migrations_of
from carbot_core.service import core_migrations
from carbot_local.database import connected
from carbot_testing.data_plane import DataPlane
from carbot_testing.plugin import FreshDatabase

THINGS = "CREATE TABLE crm.things (organization_id uuid, id uuid, name text, PRIMARY KEY (organization_id, id));"
"""The first migration of most tests."""
A, B = "'00000000-0000-0000-0000-00000000000a'", "'00000000-0000-0000-0000-00000000000b'"


class Runner(msgspec.Struct, frozen=True):
    """A database that is only bootstrapped, and the migrations of crm in a folder."""

    plane: DataPlane
    database: str
    folder: Path

    def write(self, name: str, sql: str) -> None:
        (self.folder / "migrations").mkdir(exist_ok=True)
        (self.folder / "migrations" / name).write_text(sql)

    async def run(self, *, after: bool = False, **settings: str) -> list[str]:
        """Run the migrations; return the names of those of crm that were applied."""
        url = self.plane.dsn_direct(self.database, "crm_migrate")
        query = "&".join(f"{name}={value}" for name, value in settings.items())
        applied = await migrate(f"{url}?{query}", "crm", core_migrations(), migrations_of(self.folder), after=after)
        return [name.removeprefix("crm/") for name in applied if name.startswith("crm/")]

    async def ask(self, sql: str) -> Any:
        """Ask the database, as somebody whom row security does not bind."""
        async with connected(self.plane.dsn_superuser(self.database)) as connection:
            return await connection.fetchval(sql)

    async def recorded(self) -> list[str]:
        return await self.ask("SELECT COALESCE(array_agg(name ORDER BY name), '{}') FROM crm.schema_migrations")


@pytest_asyncio.fixture
async def runner(plane: DataPlane, fresh_database: FreshDatabase, tmp_path: Path) -> Runner:
    return Runner(plane, await fresh_database(None), tmp_path)


class TestFiles:
    async def test_apply_once_in_their_order(self, runner: Runner) -> None:
        runner.write("0001_things.sql", THINGS)
        runner.write("0002_more.sql", "ALTER TABLE crm.things ADD more text")
        assert await runner.run() == ["0001_things.sql", "0002_more.sql"]
        assert await runner.run() == []
        runner.write("0003_most.sql", "ALTER TABLE crm.things ADD most text")
        assert await runner.run() == ["0003_most.sql"]
        assert await runner.recorded() == ["0001_things.sql", "0002_more.sql", "0003_most.sql"]

    async def test_that_changed_after_they_were_applied_are_refused(self, runner: Runner) -> None:
        runner.write("0001_things.sql", THINGS)
        await runner.run()
        runner.write("0001_things.sql", f"{THINGS} -- a comment")
        runner.write("0002_more.sql", "ALTER TABLE crm.things ADD more text")
        with pytest.raises(MigrationError, match=r"crm/0001_things\.sql was changed"):
            await runner.run()
        assert await runner.recorded() == ["0001_things.sql"]

    async def test_that_remove_wait_for_after(self, runner: Runner) -> None:
        runner.write("0001_things.sql", THINGS)
        runner.write("0002_drop_name.after.sql", "ALTER TABLE crm.things DROP name")
        runner.write("0003_more.sql", "ALTER TABLE crm.things ADD more text")
        assert await runner.run() == ["0001_things.sql", "0003_more.sql"]
        assert await runner.run(after=True) == ["0002_drop_name.after.sql"]
        assert await runner.run(after=True) == []

    async def test_that_fail_leave_nothing(self, runner: Runner) -> None:
        runner.write("0001_things.sql", f"{THINGS} INSERT INTO crm.things VALUES ({A}, {A}); SELECT 1 / 0;")
        with pytest.raises(asyncpg.DivisionByZeroError):
            await runner.run()
        assert await runner.ask("SELECT to_regclass('crm.things')") is None
        assert await runner.recorded() == []
        runner.write("0001_things.sql", THINGS)
        assert await runner.run() == ["0001_things.sql"]


class TestWithoutTransaction:
    CREATE = (
        "-- carbot: no transaction\nDROP INDEX CONCURRENTLY IF EXISTS crm.things_name"
        "\n-- next\nCREATE INDEX CONCURRENTLY things_name ON crm.things (organization_id, name)"
    )

    async def test_statements_run_one_by_one(self, runner: Runner) -> None:
        runner.write("0001_things.sql", THINGS)
        runner.write("0002_index.sql", self.CREATE)
        assert await runner.run() == ["0001_things.sql", "0002_index.sql"]
        assert (
            await runner.ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'crm.things_name'::regclass") is True
        )
        assert await runner.run() == []

    async def test_a_failed_file_is_begun_again(self, runner: Runner) -> None:
        runner.write("0001_things.sql", f"{THINGS} INSERT INTO crm.things VALUES ({A}, {A}, 'x'), ({A}, {B}, 'x');")
        runner.write(
            "0002_index.sql", self.CREATE.replace("INDEX CONCURRENTLY things", "UNIQUE INDEX CONCURRENTLY things")
        )
        with pytest.raises(asyncpg.UniqueViolationError):
            await runner.run()
        # What PostgreSQL leaves of it is not valid; the file removes it first.
        assert (
            await runner.ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'crm.things_name'::regclass") is False
        )
        await runner.ask(f"DELETE FROM crm.things WHERE id = {B}")
        assert await runner.run() == ["0002_index.sql"]
        assert (
            await runner.ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'crm.things_name'::regclass") is True
        )


class TestRunners:
    async def test_at_once_apply_once_and_both_succeed(self, runner: Runner) -> None:
        runner.write("0001_things.sql", f"{THINGS} SELECT pg_sleep(0.3);")
        runner.write("0002_index.sql", TestWithoutTransaction.CREATE)
        applied = await asyncio.gather(*(runner.run() for _ in range(4)))
        assert sorted(applied, key=len) == [[], [], [], ["0001_things.sql", "0002_index.sql"]]

    async def test_try_again_when_a_lock_is_not_to_be_had(self, runner: Runner, eventually: Callable[..., Any]) -> None:
        runner.write("0001_things.sql", THINGS)
        await runner.run()
        runner.write("0002_more.sql", "ALTER TABLE crm.things ADD more text")
        async with connected(runner.plane.dsn_superuser(runner.database)) as holder:
            transaction = holder.transaction()
            await transaction.start()
            await holder.execute("LOCK TABLE crm.things IN ACCESS SHARE MODE")
            running = asyncio.create_task(runner.run(lock_timeout="50ms"))
            # Each try is rolled back; two are seen before the lock is let go.
            await eventually(lambda: self.tried_twice(runner), within=10)
            assert not running.done()
            await transaction.rollback()
            assert await running == ["0002_more.sql"]

    @staticmethod
    async def tried_twice(runner: Runner) -> bool:
        return await runner.ask(
            "SELECT pg_stat_get_db_xact_rollback(oid) >= 2 FROM pg_database WHERE datname = current_database()"
        )


class TestOwner:
    """Row security is forced, also upon the owner: only because its role bypasses it can a migration see the rows."""

    PROTECTED = f"""{THINGS} SELECT core.protect('crm.things', NULL);
        CREATE TABLE crm.parts (organization_id uuid, id uuid, thing_id uuid, PRIMARY KEY (organization_id, id));
        SELECT core.protect('crm.parts', NULL);"""

    @pytest_asyncio.fixture(autouse=True)
    async def rows(self, runner: Runner) -> None:
        runner.write("0001_things.sql", self.PROTECTED)
        await runner.run()
        await runner.ask(f"INSERT INTO crm.things VALUES ({A}, {A}, 'old'), ({B}, {B}, 'old')")
        await runner.ask(f"INSERT INTO crm.parts VALUES ({A}, {A}, {A}), ({B}, {A}, {A})")

    async def test_changes_rows_in_a_backfill(self, runner: Runner) -> None:
        runner.write("0002_backfill.sql", "UPDATE crm.things SET name = 'new'")
        await runner.run()
        assert await runner.ask("SELECT count(*) FROM crm.things WHERE name = 'new'") == 2

    async def test_does_not_validate_a_foreign_key_over_an_orphan(self, runner: Runner) -> None:
        add = "ALTER TABLE crm.parts ADD CONSTRAINT parts_thing FOREIGN KEY (organization_id, thing_id)"
        runner.write("0002_key.sql", f"{add} REFERENCES crm.things (organization_id, id)")
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await runner.run()
        await runner.ask(f"DELETE FROM crm.parts WHERE organization_id = {B}")
        assert await runner.run() == ["0002_key.sql"]
