"""Reads that carry their context with them."""

import asyncio
from typing import LiteralString
from uuid import UUID

import asyncpg
import msgspec
import pytest

from carbot_core.context import Context
from carbot_core.db import Database, InvalidValue
from carbot_core.ids import new_id
from carbot_core.reading import Reading
from carbot_testing.world import Organization, World


class Row(msgspec.Struct):
    organization_id: UUID


class Number(msgspec.Struct):
    n: int


@pytest.fixture
def database(api_databases: dict[str, Database]) -> Database:
    return api_databases["crm"]


async def count(reading: Reading) -> int | None:
    return await reading.value(int, "SELECT count(*) FROM crm.workshops")


class TestReading:
    async def test_sees_its_organization_and_no_other_however_many_read(self, database: Database, world: World) -> None:
        organizations = [await world.organization() for _ in range(5)]

        async def read(organization: Organization) -> None:
            reading = Reading(database, Context(organization_id=organization.id))
            found = await reading.all(Row, "SELECT organization_id FROM crm.workshops")
            assert {row.organization_id for row in found} == {organization.id}

        await asyncio.gather(*(read(organization) for organization in organizations * 40))

    async def test_sees_only_the_workshops_of_its_context(self, database: Database, organization: Organization) -> None:
        context = Context(organization_id=organization.id)
        assert await count(Reading(database, context)) == len(organization.workshops)
        elsewhere = msgspec.structs.replace(context, workshops=frozenset({new_id()}))
        assert await Reading(database, elsewhere).value(int, "SELECT count(*) FROM crm.leads") == 0

    async def test_sees_nothing_without_an_organization(self, database: Database, organization: Organization) -> None:
        reading = Reading(database, Context())
        assert await count(reading) == 0
        async with reading.within(organization.id):
            assert await count(reading) == len(organization.workshops)
        assert await count(reading) == 0

    async def test_leaves_nothing_to_whoever_gets_the_connection_next(
        self, database: Database, organization: Organization
    ) -> None:
        async def look() -> None:
            assert not await database.primary.fetchval("SELECT current_setting('carbot.organization', true)")
            assert await database.primary.fetchval("SELECT current_setting('transaction_read_only')") == "off"

        await count(Reading(database, Context(organization_id=organization.id)))
        await asyncio.gather(*(look() for _ in range(30)))

    @pytest.mark.parametrize(
        "sql",
        [
            "DELETE FROM crm.leads",
            "WITH gone AS (DELETE FROM crm.leads RETURNING organization_id) SELECT organization_id FROM gone",
            "SELECT organization_id FROM crm.leads) asked OFFSET 0) answer; DELETE FROM crm.leads; --",
        ],
    )
    async def test_cannot_write(self, database: Database, organization: Organization, sql: LiteralString) -> None:
        with pytest.raises((asyncpg.PostgresSyntaxError, asyncpg.FeatureNotSupportedError)):
            await Reading(database, Context(organization_id=organization.id)).all(Row, sql)

    async def test_keeps_the_order(self, database: Database, organization: Organization) -> None:
        reading = Reading(database, Context(organization_id=organization.id))
        found = await reading.all(Number, "SELECT n FROM generate_series(1, 500) AS n ORDER BY n DESC LIMIT $1", 300)
        assert [row.n for row in found] == list(range(500, 200, -1))

    async def test_holds_no_connection_between_statements(self, database: Database, organization: Organization) -> None:
        await count(Reading(database, Context(organization_id=organization.id)))
        assert database.in_use()["rw"] == 0

    async def test_gives_the_connection_back_also_when_a_statement_fails(
        self, database: Database, organization: Organization
    ) -> None:
        reading = Reading(database, Context(organization_id=organization.id))
        with pytest.raises(InvalidValue):
            await reading.value(int, "SELECT 1 / $1::int AS n", 0)
        assert database.in_use()["rw"] == 0
        assert not reading.leaves_work

    async def test_has_nothing_to_undo(self, database: Database) -> None:
        reading = Reading(database, Context())
        with pytest.raises(RuntimeError, match="nothing to undo"):
            reading.savepoint()
        await reading.commit()
        await reading.rollback()

    async def test_goes_on_as_somebody_else(self, database: Database, world: World) -> None:
        first, second = [await world.organization() for _ in range(2)]
        reading = Reading(database, Context(organization_id=first.id))
        for organization in (first, second):
            await reading.enter(organization.id)
            found = await reading.all(Row, "SELECT organization_id FROM crm.workshops")
            assert [row.organization_id for row in found] == [organization.id]
