"""Periodic work: a row with a lease per job, so that two workers never run one at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import structlog

from carbot_core import telemetry
from carbot_core.clock import Clock
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.errors import Unavailable
from carbot_core.ids import new_id

log = structlog.get_logger()

LEASE = timedelta(seconds=60)
POLL_SECONDS = 5.0


class LeaseLost(Exception):
    """Another worker holds the job: stop without finishing the batch."""


class Lease:
    """The right to run a job; renew it before each batch of at most 500 rows."""

    def __init__(self, database: Database, name: str, holder: UUID, clock: Clock) -> None:
        self._database = database
        self._name = name
        self._holder = holder
        self._clock = clock

    async def renew(self) -> None:
        """Hold the job for another lease; raise LeaseLost if it is no longer ours."""
        now = self._clock()
        async with self._database.transaction(Context()) as tx:
            held = await tx.execute(
                "UPDATE jobs SET leased_until = $3 WHERE name = $1 AND holder = $2 AND leased_until > $4",
                self._name,
                self._holder,
                now + LEASE,
                now,
            )
        if not held:
            raise LeaseLost(self._name)


class Job(msgspec.Struct, frozen=True):
    """Something to do again and again; it sees the time of its run and renews its lease."""

    name: str
    every: timedelta
    run: Callable[[Database, Lease, datetime], Awaitable[None]]

    def prepare(self, _settings: Any) -> "Job":
        """Return the job as a worker runs it."""
        return self


class JobWithSettings(msgspec.Struct, frozen=True):
    """A job that needs to know more than the database: it takes the settings when a worker starts."""

    name: str
    every: timedelta
    run: Callable[[Any, Database, Lease, datetime], Awaitable[None]]

    def prepare(self, settings: Any) -> Job:
        """Return the job as a worker runs it."""
        return Job(self.name, self.every, partial(self.run, settings))


class JobLoop:
    """Runs each job when it is due, on one worker at a time."""

    def __init__(self, database: Database, jobs: tuple[Job, ...], clock: Clock) -> None:
        self._database = database
        self._jobs = jobs
        self._clock = clock
        self._holder = new_id()

    async def run(self) -> None:
        """Look for due jobs for ever."""
        while True:
            for job in self._jobs:
                try:
                    await self.run_if_due(job)
                except (Unavailable, LeaseLost) as reason:
                    log.warning("job_stopped", job=job.name, reason=type(reason).__name__)
                except Exception as fault:  # noqa: BLE001 - one job's fault must not stop the others
                    log.error("job_failed", job=job.name, fault=fault)
            await asyncio.sleep(POLL_SECONDS)

    async def run_if_due(self, job: Job) -> bool:
        """Run the job if it is due and nobody else holds it; return whether it ran."""
        now = self._clock()
        async with self._database.transaction(Context()) as tx:
            await tx.execute("INSERT INTO jobs (name, due_at) VALUES ($1, $2) ON CONFLICT DO NOTHING", job.name, now)
            taken = await tx.execute(
                """
                UPDATE jobs
                SET holder = $2, leased_until = $3
                WHERE name = $1 AND due_at <= $4 AND leased_until <= $4
                """,
                job.name,
                self._holder,
                now + LEASE,
                now,
            )
        if not taken:
            return False
        await job.run(self._database, Lease(self._database, job.name, self._holder, self._clock), now)
        async with self._database.transaction(Context()) as tx:
            await tx.execute(
                """
                UPDATE jobs
                SET holder = NULL, leased_until = '-infinity', due_at = $3, last_run_at = $4
                WHERE name = $1 AND holder = $2
                """,
                job.name,
                self._holder,
                now + job.every,
                now,
            )
        telemetry.job_runs.add(1, {"job": job.name})
        return True
