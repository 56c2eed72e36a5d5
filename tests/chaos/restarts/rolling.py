"""Restart everything, one process after the other, under requests and events."""

import asyncio
from collections import Counter
from collections.abc import Generator
from time import perf_counter

import msgspec
from msgspec import json

from carbot_testing.founding import new_workshop
from tests.chaos.frozen.outcome import Outcome
from tests.chaos.frozen.scene import VOLUME
from tests.chaos.restarts.instances import Fleet
from tests.perf import events, tenants
from tests.perf.connection import Connection, connections
from tests.perf.load import Latencies, arrivals, follow
from tests.perf.requests import Askers

_CONNECTIONS = 32
_WARM_SECONDS = 3.0
_READS_OF_TEN = 8


class Pace(msgspec.Struct, frozen=True):
    """How much goes on while everything is restarted."""

    requests_per_second: float
    events_per_second: float
    rounds: int
    seed: int


class Asked(msgspec.Struct):
    """What the gateway's clients saw."""

    statuses: Counter[tuple[str, int]]
    latencies: Latencies


async def roll(fleet: Fleet, pace: Pace) -> Outcome:
    """Restart every process so many times; return what was counted and what should not have been."""
    outcome = Outcome(f"{pace.rounds} rolling restarts at {pace.requests_per_second:.0f} requests/s")
    over, asked = asyncio.Event(), Asked(Counter(), Latencies())
    started = perf_counter()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_ask(fleet, pace, over, asked))
        writing = tasks.create_task(
            events.write(fleet.place, VOLUME, _until(over, pace.events_per_second, pace.seed + 1))
        )
        await asyncio.sleep(_WARM_SECONDS)
        for _ in range(pace.rounds):
            for instance in fleet.instances:
                outcome.blame("did not end in order", filter(None, [await instance.restart()]))
        over.set()
    seconds = perf_counter() - started
    failed = {what: count for what, count in asked.statuses.items() if not 200 <= what[1] < 300}
    committed = [event for event, at in writing.result().items() if at]
    outcome.counts |= {
        "seconds": seconds,
        "restarts": pace.rounds * len(fleet.instances),
        "requests": asked.statuses.total(),
        "failed requests": sum(failed.values()),
        "p99, ms": asked.latencies.percentile(99),
        "slowest, ms": asked.latencies.percentile(100),
        "events": len(committed),
    }
    outcome.blame("failed requests", failed.items())
    outcome.blame("the gateway says", _refusals(fleet) if failed else [])
    if asked.statuses.total() < 0.9 * pace.requests_per_second * seconds:
        outcome.faults.append("fewer requests than there should have been")
    if len(committed) < 0.9 * pace.events_per_second * seconds:
        outcome.faults.append("fewer events than there should have been")
    await _account(outcome, fleet, len(committed))
    return outcome


async def _ask(fleet: Fleet, pace: Pace, over: asyncio.Event, asked: Asked) -> None:
    """Send reads and writes to both services at random moments until it is over."""
    askers, idle = Askers(fleet.issuer, VOLUME), asyncio.Queue[Connection]()
    kinds = {"list leads": askers.list_leads().make, "create a lead": askers.create_lead().make}
    workshops = _workshop_requests(fleet)
    async with connections(fleet.gateway, _CONNECTIONS) as opened:
        for connection in opened:
            idle.put_nowait(connection)

        async def ask(intended: float) -> None:
            number = asked.statuses.total()
            kind = ("list leads", "list workshops")[number % 2]
            if number % 10 >= _READS_OF_TEN:
                kind = ("create a lead", "create a workshop")[number % 2]
            request = kinds[kind]() if kind in kinds else next(workshops[kind])
            connection = await idle.get()
            asked.statuses[kind, await connection.ask(request)] += 1
            asked.latencies.record(perf_counter() - intended)
            idle.put_nowait(connection)

        await follow(_until(over, pace.requests_per_second, pace.seed), ask)


def _workshop_requests(fleet: Fleet) -> dict[str, Generator[bytes]]:
    headers = [
        f"host: tenancy\r\nauthorization: Bearer {fleet.issuer.token(tenants.organization(number))}\r\n"
        for number in range(tenants.FIRST, tenants.FIRST + VOLUME.organizations)
    ]

    def reads() -> Generator[bytes]:
        while True:
            for header in headers:
                yield f"GET /api/tenancy/v1/workshops?limit=5 HTTP/1.1\r\n{header}\r\n".encode()

    def writes() -> Generator[bytes]:
        while True:
            for header in headers:
                body = json.encode(new_workshop())
                head = f"POST /api/tenancy/v1/workshops HTTP/1.1\r\n{header}content-type: application/json\r\n"
                yield f"{head}content-length: {len(body)}\r\n\r\n".encode() + body

    return {"list workshops": reads(), "create a workshop": writes()}


def _until(over: asyncio.Event, per_second: float, seed: int) -> Generator[float]:
    for moment in arrivals(per_second, float("inf"), seed=seed):
        if over.is_set():
            return
        yield moment


def _refusals(fleet: Fleet) -> list[str]:
    lines = (fleet.servers.folder / "gateway.log").read_text().splitlines()
    return [line for line in lines if line.startswith("{") and json.decode(line)["status"] not in range(200, 300)]


async def _account(outcome: Outcome, fleet: Fleet, committed: int) -> None:
    """Wait until every event has taken effect."""
    left = (
        "SELECT (SELECT count(*) FROM tenancy.outbox WHERE subject = 'tenancy.workshop.changed.v1')"
        " - (SELECT count(*) FROM crm.inbox WHERE consumer = 'directory')"
    )
    written: int = await fleet.superuser.fetchval("SELECT count(*) FROM tenancy.outbox")
    if written < committed:
        outcome.faults.append(f"{committed - written} committed events are lost")
    try:
        await events.until_none(fleet.superuser, left)
    except TimeoutError:
        outcome.faults.append(f"{await fleet.superuser.fetchval(left)} events without effect")
    outcome.counts["dead letters"] = await fleet.superuser.fetchval("SELECT count(*) FROM crm.dead_letters")
    if outcome.counts["dead letters"]:
        outcome.faults.append("there are dead letters")
