"""The position that a writer is told: one read serves many, and none serves who committed after it began."""

import asyncio
from typing import Any, cast

import asyncpg

from carbot_core.db import Database


class Pool:
    """Answers when it is told to, and counts who asks at once."""

    def __init__(self) -> None:
        self.asked = 0
        self.at_once = 0
        self.answer = asyncio.Event()
        self.fault: Exception | None = None

    async def fetchval(self, _sql: str, *, timeout: float) -> str:  # noqa: ASYNC109 - asyncpg's own
        assert timeout < 5
        self.asked += 1
        self.at_once += 1
        assert self.at_once == 1
        number = self.asked
        await self.answer.wait()
        self.at_once -= 1
        if self.fault is not None:
            raise self.fault
        return f"0/{number}"


class TestPosition:
    async def test_is_read_once_for_all_that_wait_and_after_the_read_that_was_under_way(self) -> None:
        pool = Pool()
        database = Database(cast("Any", pool))
        first = asyncio.create_task(database.position())
        await asyncio.sleep(0.01)
        later = [asyncio.create_task(database.position()) for _ in range(10)]
        await asyncio.sleep(0.01)
        assert pool.asked == 1, "who committed after a read began is not served by it, and waits for its end"
        pool.answer.set()
        assert await first == "0/1"
        assert set(await asyncio.gather(*later)) == {"0/2"}
        assert await database.position() == "0/3"

    async def test_is_read_on_when_one_who_waits_goes_away(self) -> None:
        pool = Pool()
        database = Database(cast("Any", pool))
        gone, staying = (asyncio.create_task(database.position()) for _ in range(2))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.wait({gone})
        pool.answer.set()
        assert await staying == "0/1"

    async def test_that_cannot_be_read_is_none(self) -> None:
        pool = Pool()
        pool.answer.set()
        for fault in (asyncpg.InterfaceError("x"), OSError(), TimeoutError()):
            pool.fault = fault
            assert await Database(cast("Any", pool)).position() is None
