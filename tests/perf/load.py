"""Two kinds of load: as much as goes, and so much a second whatever the answers do."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Generator
from time import perf_counter

import msgspec
from hdrh.histogram import HdrHistogram

from tests.perf.connection import Connection, connections

_LONGEST_MICROSECONDS = 60_000_000
_SIGNIFICANT_FIGURES = 3


class Request(msgspec.Struct, frozen=True):
    """What is asked again and again, and the statuses that are right."""

    make: Callable[[], bytes]
    right: frozenset[int]


class Latencies:
    """A histogram of times, in milliseconds."""

    def __init__(self) -> None:
        self._histogram = HdrHistogram(1, _LONGEST_MICROSECONDS, _SIGNIFICANT_FIGURES)

    def record(self, seconds: float) -> None:
        self._histogram.record_value(min(max(round(seconds * 1e6), 1), _LONGEST_MICROSECONDS))

    @property
    def count(self) -> int:
        return self._histogram.get_total_count()

    def percentile(self, percent: float) -> float:
        return self._histogram.get_value_at_percentile(percent) / 1000


class Measured(msgspec.Struct):
    """What a load came to."""

    latencies: Latencies
    per_second: float = 0
    errors: int = 0


async def drive_closed(port: int, request: Request, *, count: int, seconds: float) -> Measured:
    """Ask over so many connections, each as soon as it has its answer: the throughput."""
    measured, answered, started = Measured(Latencies()), 0, perf_counter()

    async def ask_on(connection: Connection) -> None:
        nonlocal answered
        while (sent := perf_counter()) - started < seconds:
            if await connection.ask(request.make()) in request.right:
                answered += 1
                measured.latencies.record(perf_counter() - sent)
            else:
                measured.errors += 1

    async with connections(port, count) as opened:
        await asyncio.gather(*(ask_on(connection) for connection in opened))
    measured.per_second = answered / (perf_counter() - started)
    return measured


async def drive_open(port: int, request: Request, *, count: int, per_second: float, seconds: float) -> Measured:
    """Ask at random moments, so many a second on average: the times, each from when it was to be asked."""
    measured = Measured(Latencies(), per_second)
    async with connections(port, count) as opened:
        idle = asyncio.Queue[Connection]()
        for connection in opened:
            idle.put_nowait(connection)

        async def ask(intended: float) -> None:
            connection = await idle.get()
            if await connection.ask(request.make()) in request.right:
                measured.latencies.record(perf_counter() - intended)
            else:
                measured.errors += 1
            idle.put_nowait(connection)

        await follow(arrivals(per_second, seconds), ask)
    return measured


def arrivals(per_second: float, seconds: float, *, seed: int = 1) -> Generator[float]:
    """Give the moments of a Poisson process, from 0."""
    dice, moment = random.Random(seed), 0.0
    while (moment := moment + dice.expovariate(per_second)) < seconds:
        yield moment


async def follow(moments: Generator[float], act: Callable[[float], Awaitable[None]]) -> None:
    """Act at each of these moments from now, however long an act takes, and wait for all."""
    started = perf_counter()
    async with asyncio.TaskGroup() as acts:
        for moment in moments:
            if (wait := started + moment - perf_counter()) > 0:
                await asyncio.sleep(wait)
            acts.create_task(_awaited(act, started + moment))


async def _awaited(act: Callable[[float], Awaitable[None]], intended: float) -> None:
    await act(intended)
