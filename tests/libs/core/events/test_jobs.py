"""Periodic work: one worker at a time, and whoever lost the lease stops."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.ids import new_id
from carbot_core.jobs import LEASE, Job, JobLoop, Lease, LeaseLost
from carbot_testing.stage import Stage

EVERY = timedelta(hours=1)


class Clock:
    """Moves only when it is told to."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, by: timedelta) -> None:
        self.now += by


def job(run: Callable[[Database, Lease, datetime], Awaitable[None]]) -> Job:
    return Job(f"job-{new_id()}", EVERY, run)


async def due_at(stage: Stage, due: Job) -> datetime | None:
    async with stage.worker_database.transaction(Context(), read_only=True) as tx:
        return await tx.value(datetime, "SELECT due_at FROM jobs WHERE name = $1", due.name)


class TestJob:
    async def test_runs_on_one_worker_at_a_time_and_once_when_due(self, stage: Stage) -> None:
        clock, running, most, runs = Clock(), 0, 0, 0

        async def run(_: Database, lease: Lease, now: datetime) -> None:
            nonlocal running, most, runs
            running, runs = running + 1, runs + 1
            most = max(most, running)
            await lease.renew()
            running -= 1

        shared = job(run)
        loops = [JobLoop(stage.worker_database, (shared,), clock) for _ in range(4)]
        for turn in range(1, 4):
            assert sum(await asyncio.gather(*(loop.run_if_due(shared) for loop in loops))) == 1
            assert sum(await asyncio.gather(*(loop.run_if_due(shared) for loop in loops))) == 0
            assert (runs, most) == (turn, 1)
            clock.move(EVERY)

    async def test_stops_where_its_lease_was_lost(self, stage: Stage) -> None:
        clock, begun, go_on = Clock(), asyncio.Event(), asyncio.Event()
        batches: list[str] = []

        async def run(_: Database, lease: Lease, now: datetime) -> None:
            await lease.renew()
            batches.append("first")
            if not begun.is_set():
                begun.set()
                await go_on.wait()
            await lease.renew()
            batches.append("second")

        shared = job(run)
        slow = asyncio.create_task(JobLoop(stage.worker_database, (shared,), clock).run_if_due(shared))
        await begun.wait()
        other = JobLoop(stage.worker_database, (shared,), clock)
        clock.move(LEASE - timedelta(seconds=1))
        assert not await other.run_if_due(shared), "two workers run it at once"
        clock.move(timedelta(seconds=1))
        assert await other.run_if_due(shared)
        go_on.set()
        with pytest.raises(LeaseLost):
            await slow
        assert batches == ["first", "first", "second"]
        assert not await other.run_if_due(shared), "the one that had lost it changed when it is due"

    async def test_that_ends_too_late_leaves_the_lease_to_the_one_that_holds_it(self, stage: Stage) -> None:
        clock, begun, ended = Clock(), asyncio.Event(), asyncio.Event()

        async def run(_: Database, lease: Lease, now: datetime) -> None:
            if not begun.is_set():
                begun.set()
                await taken_over.wait()
            else:
                taken_over.set()
                await ended.wait()
                await lease.renew()

        shared, taken_over = job(run), asyncio.Event()
        slow = asyncio.create_task(JobLoop(stage.worker_database, (shared,), clock).run_if_due(shared))
        slow.add_done_callback(lambda _: ended.set())
        await begun.wait()
        clock.move(LEASE)
        assert await JobLoop(stage.worker_database, (shared,), clock).run_if_due(shared)
        await slow
        assert await due_at(stage, shared) == clock.now + EVERY

    async def test_comes_again_after_its_lease_when_it_failed(self, stage: Stage) -> None:
        clock, runs = Clock(), 0

        async def run(_: Database, lease: Lease, now: datetime) -> None:
            nonlocal runs
            runs += 1
            if runs == 1:
                raise RuntimeError("the process ends here")

        shared = job(run)
        with pytest.raises(RuntimeError):
            await JobLoop(stage.worker_database, (shared,), clock).run_if_due(shared)
        other = JobLoop(stage.worker_database, (shared,), clock)
        assert not await other.run_if_due(shared)
        clock.move(LEASE)
        assert await other.run_if_due(shared)
        assert runs == 2
