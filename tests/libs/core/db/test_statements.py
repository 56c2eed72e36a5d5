"""Statements behind a pooler that keeps none prepared."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from carbot_core.db import Pool, open_pool
from carbot_testing.data_plane import DataPlane

DESCRIBE = "_get_statement"


@pytest_asyncio.fixture
async def pool(plane: DataPlane, database_name: str) -> AsyncIterator[Pool]:
    pool = await open_pool(plane.dsn(database_name, "crm_api"), statement_cache=0, size=2)
    yield pool
    await pool.close()


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements whose types were asked for, each a round trip."""
    found: list[str] = []
    ask = getattr(asyncpg.Connection, DESCRIBE)

    async def count(self: Any, query: str, *rest: Any, **named: Any) -> Any:
        found.append(query)
        return await ask(self, query, *rest, **named)

    monkeypatch.setattr(asyncpg.Connection, DESCRIBE, count)
    return found


class TestStatement:
    async def test_is_described_once_for_each_connection(self, pool: Pool, described: list[str]) -> None:
        sql = "SELECT $1::int + 1 AS next, $2::jsonb AS thing"
        async with pool.acquire() as connection:
            for number in range(5):
                row = await connection.fetchrow(sql, number, {"number": number})
                assert row is not None
                assert dict(row) == {"next": number + 1, "thing": {"number": number}}
        assert described.count(sql) == 1

    async def test_follows_its_client_to_another_server_connection(self, pool: Pool) -> None:
        """The pooler gives a client another server connection while somebody holds the one that it had."""
        sql = "SELECT $1::text, pg_backend_pid()"
        async with pool.acquire() as one, pool.acquire() as other:
            before = await one.fetchrow(sql, "a")
            async with other.transaction():
                held = await other.fetchrow(sql, "b")
                after = await one.fetchrow(sql, "c")
        assert before is not None
        assert held is not None
        assert after is not None
        assert (before[0], held[0], after[0]) == ("a", "b", "c")
        assert held[1] != after[1]

    async def test_that_failed_can_be_asked_again(self, pool: Pool, described: list[str]) -> None:
        sql = "SELECT 1 / $1::int"
        async with pool.acquire() as connection:
            with pytest.raises(asyncpg.DivisionByZeroError):
                await connection.fetchval(sql, 0)
            assert await connection.fetchval(sql, 1) == 1
        assert described.count(sql) == 1

    async def test_with_a_statement_cache_is_prepared_by_asyncpg(self, plane: DataPlane, database_name: str) -> None:
        pool = await open_pool(plane.dsn_direct(database_name, "crm_api"), statement_cache=10, size=1)
        sql = f"SELECT $1::int AS {'n' + uuid4().hex}"
        async with pool.acquire() as connection:
            for number in range(3):
                assert await connection.fetchval(sql, number) == number
            assert (
                await connection.fetchval("SELECT count(*) FROM pg_prepared_statements WHERE statement = $1", sql) == 1
            )
        await pool.close()
