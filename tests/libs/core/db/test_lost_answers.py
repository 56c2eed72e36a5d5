"""A connection whose last answer never came is ended, whatever it says of itself, and whoever waits hears why."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import asyncpg
import pytest

from carbot_core.context import Context
from carbot_core.db import Tx
from carbot_core.errors import DatabaseUnavailable


class Connection:
    """Says that it is at rest, and answers never, or with a fault."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.terminated = False
        self._fault = fault

    async def execute(self, _sql: str, *_values: object) -> str:
        if self._fault is not None:
            raise self._fault
        await asyncio.sleep(60)
        return "too late"

    def is_in_transaction(self) -> bool:
        return False

    def terminate(self) -> None:
        self.terminated = True


class Pool:
    def __init__(self) -> None:
        self.released: list[object] = []

    async def release(self, connection: object) -> None:
        self.released.append(connection)


def begun(connection: Connection) -> tuple[Tx, Pool]:
    pool = Pool()
    return Tx(cast("Any", pool), cast("Any", connection), Context(), role="rw", on_commit=None), pool


async def statement(tx: Tx) -> None:
    try:
        await tx.execute("SELECT 1")
    finally:
        await tx.release()


each_way = pytest.mark.parametrize("end", [Tx.commit, Tx.rollback, statement], ids=["commit", "rollback", "statement"])


@each_way
async def test_of_one_who_was_cancelled(end: Callable[[Tx], Awaitable[None]]) -> None:
    connection = Connection()
    tx, pool = begun(connection)
    waiting = asyncio.ensure_future(end(tx))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert connection.terminated
    assert pool.released == [connection]


@each_way
async def test_of_a_connection_that_broke(end: Callable[[Tx], Awaitable[None]]) -> None:
    for fault in (asyncpg.InterfaceError("x"), ConnectionResetError(), TimeoutError()):
        connection = Connection(fault)
        tx, pool = begun(connection)
        if end is Tx.rollback:
            await end(tx)
        else:
            with pytest.raises(DatabaseUnavailable):
                await end(tx)
        assert connection.terminated
        assert pool.released == [connection]


async def test_of_one_that_ended_well_goes_back_as_it_is() -> None:
    class Answers(Connection):
        async def execute(self, sql: str, *_values: object) -> str:
            return sql

    for end in (Tx.commit, Tx.rollback):
        connection = Answers()
        tx, pool = begun(connection)
        await end(tx)
        assert not connection.terminated
        assert pool.released == [connection]
