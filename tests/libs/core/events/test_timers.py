"""Timed work: every timer fires once in effect, whoever dies on the way."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

from carbot_core import timers
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.ids import new_id
from carbot_core.timers import LEASE, Due, TimerLoop
from carbot_testing.stage import Stage
from carbot_testing.world import Organization


class Clock:
    """Moves only when it is told to."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, by: timedelta) -> None:
        self.now += by


async def start(stage: Stage, organization: Organization, kind: str, due_at: datetime, count: int = 1) -> set[UUID]:
    keys = {new_id() for _ in range(count)}
    async with stage.worker_database.transaction(Context(organization_id=organization.id)) as tx:
        for key in keys:
            await timers.start(tx, kind, key, due_at)
    return keys


async def act(database: Database, due: Due) -> bool:
    """Finish the timer with an effect in the same transaction; return whether it was ours to finish."""
    async with database.transaction(Context(organization_id=due.organization_id)) as tx:
        if not await timers.finish(tx, due):
            return False
        await tx.execute(
            "INSERT INTO crm.heard (event_id, organization_id, aggregate_id, version) VALUES ($1, $2, $3, $4)",
            new_id(),
            due.organization_id,
            due.key,
            due.attempts,
        )
    return True


async def effects(stage: Stage, organization: Organization) -> list[tuple[UUID, int]]:
    return sorted((each.aggregate_id, each.version) for each in await stage.heard(organization))


class TestDueTimers:
    async def test_fire_once_with_two_loops(self, stage: Stage) -> None:
        organization, clock, kind = await stage.organization(), Clock(), f"once.{new_id()}"
        due = await start(stage, organization, kind, clock.now, 120)
        await start(stage, organization, kind, clock.now + timedelta(seconds=1))

        async def handle(due: Due) -> None:
            await act(stage.worker_database, due)

        loops = [TimerLoop(stage.worker_database, {kind: handle}, clock) for _ in range(2)]
        while sum(await asyncio.gather(*(loop.fire() for loop in loops))):
            pass
        assert await effects(stage, organization) == sorted((key, 1) for key in due)

    async def test_come_again_after_their_lease_when_their_handler_died(self, stage: Stage) -> None:
        organization, clock, kind = await stage.organization(), Clock(), f"died.{new_id()}"
        [key] = await start(stage, organization, kind, clock.now)
        attempts: list[int] = []

        async def handle(due: Due) -> None:
            attempts.append(due.attempts)
            if due.attempts < 3:
                raise RuntimeError("the process ends here")
            await act(stage.worker_database, due)

        loop = TimerLoop(stage.worker_database, {kind: handle}, clock)
        assert await loop.fire() == 1
        assert await loop.fire() == 0
        clock.move(LEASE - timedelta(seconds=1))
        assert await loop.fire() == 0
        clock.move(timedelta(seconds=1))
        assert await loop.fire() == 1
        clock.move(LEASE)
        assert await loop.fire() == 1
        clock.move(LEASE)
        assert await loop.fire() == 0
        assert (attempts, await effects(stage, organization)) == ([1, 2, 3], [(key, 3)])

    async def test_have_one_effect_when_a_slow_handler_outlives_its_lease(self, stage: Stage) -> None:
        organization, clock, kind = await stage.organization(), Clock(), f"slow.{new_id()}"
        [key] = await start(stage, organization, kind, clock.now)
        begun, taken_over, too_late = asyncio.Event(), asyncio.Event(), asyncio.Event()
        finished: dict[int, bool] = {}

        async def handle(due: Due) -> None:
            if due.attempts == 1:
                begun.set()
                await taken_over.wait()
                finished[1] = await act(stage.worker_database, due)
                too_late.set()
            else:
                taken_over.set()
                await too_late.wait()
                finished[2] = await act(stage.worker_database, due)

        slow = asyncio.create_task(TimerLoop(stage.worker_database, {kind: handle}, clock).fire())
        await begun.wait()
        clock.move(LEASE)
        assert await TimerLoop(stage.worker_database, {kind: handle}, clock).fire() == 1
        await slow
        assert finished == {1: False, 2: True}
        assert await effects(stage, organization) == [(key, 2)]

    async def test_keep_their_first_time(self, stage: Stage) -> None:
        organization, clock, kind = await stage.organization(), Clock(), f"again.{new_id()}"
        [key] = await start(stage, organization, kind, clock.now)
        async with stage.worker_database.transaction(Context(organization_id=organization.id)) as tx:
            await timers.start(tx, kind, key, clock.now + timedelta(days=1))

        async def handle(due: Due) -> None:
            await act(stage.worker_database, due)

        assert await TimerLoop(stage.worker_database, {kind: handle}, clock).fire() == 1
        assert await effects(stage, organization) == [(key, 1)]
