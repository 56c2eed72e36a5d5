"""Whoever has no context sees nothing and whoever has one sees only its organisation, in every tenant table and partition.

The rights in this database are wider than the real ones: every process may read and write every table of its schema.
"""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from catalogue_data import SERVICES
from catalogue_rules import Connection, tenant_tables
from rows import Insert, insert_into, loosen, store

from carbot_core.context import Context
from carbot_core.db import Database, Tx
from carbot_core.errors import Refusal
from carbot_local.database import connected
from carbot_testing.data_plane import DataPlane
from carbot_testing.plugin import TEMPLATE

PROCESSES: Final = tuple(f"{service}_{process}" for service in SERVICES for process in ("api", "worker"))
NOBODY: Final = (
    Context(),
    Context(user_id=uuid4()),
    Context(organization_id=UUID(int=0)),
    Context(organization_id=uuid4(), workshops=frozenset()),
    Context(organization_id=uuid4(), workshops=frozenset({uuid4()})),
)
JUNK: Final = ("junk", " ", "{}", "' OR true --", "00000000-0000-0000-0000-00000000000g")


class Table(msgspec.Struct, frozen=True):
    """A tenant table, or a partition of one."""

    name: str
    below_workshop: bool
    is_partition: bool


class Filled(msgspec.Struct, frozen=True):
    """A database in which two organisations have a row in every tenant table, at a workshop each."""

    plane: DataPlane
    name: str
    tables: list[Table]
    organizations: tuple[UUID, UUID]
    workshops: tuple[UUID, UUID]

    def of(self, process: str) -> list[Table]:
        schema = process.partition("_")[0]
        return [table for table in self.tables if table.name.startswith(f"{schema}.")]

    def context(self, *, workshop: UUID | None = None) -> Context:
        """Return the context of the first organisation, in all of its workshops or in one."""
        return Context(
            organization_id=self.organizations[0], workshops=None if workshop is None else frozenset({workshop})
        )


@pytest_asyncio.fixture(scope="session")
async def filled(plane: DataPlane, worker_id: str) -> AsyncIterator[Filled]:
    made = Filled(plane, f"filled_{worker_id}", [], (uuid4(), uuid4()), (uuid4(), uuid4()))
    # One server connection for each role: whoever comes next gets the one that the last had.
    await plane.create_database(made.name, TEMPLATE, pool=1)
    async with connected(plane.dsn_superuser(made.name)) as connection:
        await loosen(connection)
        for row in await tenant_tables(connection):
            table = Table(row["name"], await _below_workshop(connection, row["name"]), row["is_partition"])
            made.tables.append(table)
            for owner in () if table.is_partition else (0, 1):
                await store(connection, await _row(connection, made, table, owner, owner))
    yield made
    await plane.drop_database(made.name)


async def _below_workshop(connection: Connection, table: str) -> bool:
    return await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_policy WHERE polrelid = $1::regclass AND polname = 'workshop')", table
    )


async def _row(connection: Connection, filled: Filled, table: Table, organization: int, workshop: int) -> Insert:
    place = "id" if table.name.endswith(".workshops") else "workshop_id"
    known = {"organization_id": filled.organizations[organization], place: filled.workshops[workshop]}
    return await insert_into(connection, table.name, **known)


@pytest_asyncio.fixture
async def database(filled: Filled, process: str) -> AsyncIterator[Database]:
    async with Database.connect(filled.plane.dsn(filled.name, process)) as database:
        yield database


async def count(tx: Tx, tables: list[Table]) -> dict[str, int]:
    """Count what is seen of each table, leaving out those of which nothing is."""
    counted: dict[str, int] = {}
    for table in tables:
        seen = await tx.value(int, f"SELECT count(*) FROM {table.name}")  # pyright: ignore[reportArgumentType] - a name from the catalogue
        if seen:
            counted[table.name] = seen
    return counted


async def seen(database: Database, context: Context, tables: list[Table]) -> tuple[dict[str, int], int | None]:
    """Return what is seen in a context, and by which server connection."""
    async with database.transaction(context) as tx:
        return await count(tx, tables), await tx.value(int, "SELECT pg_backend_pid()")


@pytest.mark.parametrize("process", PROCESSES)
class TestContext:
    async def test_of_nobody_shows_nothing_before_and_after_somebody_had_the_connection(
        self, filled: Filled, database: Database, process: str
    ) -> None:
        tables = filled.of(process)
        whole = {table.name: 1 for table in tables if not table.is_partition}
        connections: set[int | None] = set()
        for context in (*NOBODY, filled.context(), *NOBODY):
            found, connection = await seen(database, context, tables)
            connections.add(connection)
            if context == filled.context():
                assert {name: n for name, n in found.items() if name in whole} == whole
            else:
                assert found == {}
        assert len(connections) == 1

    async def test_of_an_organization_shows_its_rows_alone(
        self, filled: Filled, database: Database, process: str
    ) -> None:
        async with database.transaction(filled.context()) as tx:
            for table in filled.of(process):
                query = f"SELECT DISTINCT organization_id FROM {table.name}"
                assert set(await tx.all(Owner, query)) <= {Owner(filled.organizations[0])}  # pyright: ignore[reportArgumentType] - a name from the catalogue

    async def test_of_a_workshop_shows_its_rows_alone(self, filled: Filled, database: Database, process: str) -> None:
        below = [table for table in filled.of(process) if table.below_workshop]
        own, _ = await seen(database, filled.context(workshop=filled.workshops[0]), below)
        other, _ = await seen(database, filled.context(workshop=filled.workshops[1]), below)
        assert set(own) >= {table.name for table in below if not table.is_partition}
        assert other == {}

    async def test_that_is_none_shows_nothing(self, filled: Filled, process: str) -> None:
        async with connected(filled.plane.dsn(filled.name, process)) as connection:
            for table in filled.of(process):
                for junk in JUNK:
                    for setting in ("carbot.organization", "carbot.user"):
                        async with connection.transaction():
                            await connection.execute("SELECT set_config($1, $2, true)", setting, junk)
                            assert await _count_or_error(connection, table) in {0, "22P02"}, (table.name, setting, junk)

    async def test_that_ended_or_is_empty_shows_nothing_and_is_no_error(self, filled: Filled, process: str) -> None:
        names = ("carbot.organization", "carbot.user", "carbot.workshops", "carbot.actor")
        async with connected(filled.plane.dsn(filled.name, process)) as connection:
            for table in filled.of(process):
                async with connection.transaction():
                    for name in names:
                        await connection.execute("SELECT set_config($1, '', true)", name)
                    assert await _count_or_error(connection, table) == 0
                # Outside of any transaction, and so after every setting that was local to one.
                assert await _count_or_error(connection, table) == 0


class Owner(msgspec.Struct, frozen=True):
    organization_id: UUID


async def _count_or_error(connection: Connection, table: Table) -> int | str:
    try:
        async with connection.transaction():
            return await connection.fetchval(f"SELECT count(*) FROM {table.name}")
    except asyncpg.PostgresError as error:
        return error.sqlstate or ""


@pytest.mark.parametrize("process", PROCESSES)
class TestWriting:
    @pytest.mark.parametrize(("organization", "workshop"), [(1, 1), (0, 1)], ids=["organization", "workshop"])
    async def test_a_row_of_another_is_refused(
        self, filled: Filled, database: Database, organization: int, workshop: int, process: str
    ) -> None:
        own = filled.context(workshop=filled.workshops[0])
        async with connected(filled.plane.dsn_superuser(filled.name)) as catalogue:
            for table in filled.of(process):
                if table.is_partition or (organization == 0 and not table.below_workshop):
                    continue
                foreign = await _row(catalogue, filled, table, organization, workshop)
                assert await _outcome(database, own, foreign) == "42501", table.name
                assert await _outcome(database, own, await _row(catalogue, filled, table, 0, 0)) != "42501", table.name

    async def test_a_row_never_moves_to_another(self, filled: Filled, database: Database, process: str) -> None:
        for table in filled.of(process):
            if not table.is_partition:
                move = Insert(f"UPDATE {table.name} SET organization_id = $1", [filled.organizations[1]])
                assert await _outcome(database, filled.context(), move) == "42501", table.name

    async def test_nobody_touches_a_row(self, filled: Filled, database: Database, process: str) -> None:
        for table in filled.of(process):
            update = Insert(f"UPDATE {table.name} SET organization_id = organization_id", [])
            for context in NOBODY:
                assert await _outcome(database, context, update) == 0, table.name
                assert await _outcome(database, context, Insert(f"DELETE FROM {table.name}", [])) == 0, table.name


async def _outcome(database: Database, context: Context, change: Insert) -> int | str:
    """Return how many rows a statement touches, or why it is refused; nothing is kept."""
    tx = await database.begin(context)
    try:
        return await tx.execute(change.sql, *change.values)  # pyright: ignore[reportArgumentType] - made from the catalogue
    except asyncpg.PostgresError as error:
        return error.sqlstate or ""
    except Refusal as refusal:
        return refusal.code()
    finally:
        await tx.rollback()
