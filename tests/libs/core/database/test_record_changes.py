"""What the audit's triggers record: one report per statement and hundred changes, the same of one row as of several."""

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from carbot_core.ids import new_id
from carbot_testing.running import Place
from carbot_testing.world import Organization

INSERT = """
    INSERT INTO crm.leads
        (organization_id, id, workshop_id, source, name, email, request, language, created_at, updated_at)
    SELECT $1, id, $2, 'phone', 'Jörg', 'j@example.org', 'Reifen', 'de', now(), now() FROM unnest($3::uuid[]) AS id
"""


class Table:
    """Crm's leads in a transaction that is never committed."""

    def __init__(self, connection: asyncpg.Connection, organization: Organization) -> None:
        self._connection = connection
        self._organization = organization

    async def insert(self, count: int) -> list[UUID]:
        ids = [new_id() for _ in range(count)]
        await self._connection.execute(INSERT, self._organization.id, self._organization.workshops[0], ids)
        return ids

    async def execute(self, sql: str, *values: object) -> None:
        await self._connection.execute(sql, *values)

    async def reports(self) -> list[dict[str, Any]]:
        """Return what was reported since the last call, in its order."""
        rows = await self._connection.fetch(
            "WITH told AS (DELETE FROM crm.audit_outbox WHERE organization_id = $1 RETURNING pos, body)"
            " SELECT body FROM told ORDER BY pos",
            self._organization.id,
        )
        return [msgspec.json.decode(row["body"]) for row in rows]


@pytest_asyncio.fixture
async def leads(place: Place, organization: Organization) -> AsyncGenerator[Table]:
    connection = await asyncpg.connect(place.plane.dsn_superuser(place.database))
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("SET LOCAL search_path TO crm")
    table = Table(connection, organization)
    await table.reports()
    yield table
    await transaction.rollback()
    await connection.close()


@pytest.mark.parametrize("count", [1, 2, 250])
class TestRecordChanges:
    async def test_of_an_insert_has_every_row_once(self, leads: Table, count: int) -> None:
        ids = await leads.insert(count)
        reports = await leads.reports()
        assert sorted(len(report["changes"]) for report in reports) == [count % 100] + [100] * (count // 100)
        changes = [change for report in reports for change in report["changes"]]
        assert {change["row_id"] for change in changes} == {str(each) for each in ids}
        assert {(report["table"], report["action"]) for report in reports} == {("crm.leads", "insert")}
        for change in changes:
            assert set(change) == {"row_id", "subject_id", "new"}
            assert change["new"]["name"] == "Jörg"
            assert not {"updated_at", "revision"} & set(change["new"])

    async def test_of_an_update_has_both_sides(self, leads: Table, count: int) -> None:
        ids = await leads.insert(count)
        await leads.reports()
        await leads.execute("UPDATE crm.leads SET name = 'Ayşe', revision = 2 WHERE id = ANY ($1)", ids)
        changes = [change for report in await leads.reports() for change in report["changes"]]
        assert {change["row_id"] for change in changes} == {str(each) for each in ids}
        for change in changes:
            assert set(change) == {"row_id", "subject_id", "old", "new"}
            assert (change["old"].pop("name"), change["new"].pop("name")) == ("Jörg", "Ayşe")
            assert change["old"] == change["new"]

    async def test_of_a_delete_has_what_was_there(self, leads: Table, count: int) -> None:
        ids = await leads.insert(count)
        await leads.reports()
        await leads.execute("DELETE FROM crm.leads WHERE id = ANY ($1)", ids)
        changes = [change for report in await leads.reports() for change in report["changes"]]
        assert {change["row_id"] for change in changes} == {str(each) for each in ids}
        assert all(set(change) == {"row_id", "subject_id", "old"} for change in changes)

    async def test_is_none_where_only_what_is_ignored_changes(self, leads: Table, count: int) -> None:
        ids = await leads.insert(count)
        await leads.reports()
        await leads.execute("UPDATE crm.leads SET revision = 9, updated_at = now() WHERE id = ANY ($1)", ids)
        await leads.execute("UPDATE crm.leads SET name = 'X' WHERE id = ANY ($1)", [new_id()])
        await leads.execute("DELETE FROM crm.leads WHERE id = ANY ($1)", [new_id()])
        assert await leads.reports() == []
