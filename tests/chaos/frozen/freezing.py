"""One server stands still under traffic, and moves again."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from http import HTTPStatus
from time import time
from typing import LiteralString
from uuid import UUID

import httpx
import msgspec

from tests.chaos.frozen.outcome import Outcome
from tests.chaos.frozen.scene import PROCESSES, SERVICES, Scene
from tests.chaos.frozen.traffic import KEYS, PROBES, READS, WRITES, Answer, Traffic

ANSWER_SECONDS = 3.0
RECOVERY_SECONDS = 5.0
_WARM_SECONDS = 2.0
_AFTER_SECONDS = 8.0
_SETTLING_SECONDS = 20.0
_LEAST_FOR_EACH_KIND = 10
_BUSY = ("cl_waiting", "sv_active", "sv_login")

_LOST: LiteralString = "SELECT id FROM unnest($1::uuid[]) AS id WHERE id NOT IN (SELECT id FROM crm.leads)"
_LOST_WORKSHOPS: LiteralString = (
    "SELECT id FROM unnest($1::uuid[]) AS id WHERE id NOT IN (SELECT id FROM tenancy.workshops)"
)
_WITHOUT_EFFECT: LiteralString = "SELECT id FROM tenancy.workshops WHERE id NOT IN (SELECT id FROM crm.workshops)"
_LATEST_EFFECT: LiteralString = """
    SELECT max(extract(epoch FROM pg_xact_commit_timestamp(xmin)))::float8
    FROM crm.workshops
    WHERE id IN (SELECT id FROM tenancy.workshops WHERE extract(epoch FROM created_at) BETWEEN $1 AND $2)
"""
_FIRST_EFFECT: LiteralString = """
    SELECT min(extract(epoch FROM pg_xact_commit_timestamp(xmin)))::float8
    FROM crm.workshops
    WHERE extract(epoch FROM pg_xact_commit_timestamp(xmin)) > $1
"""
_HELD: LiteralString = """
    SELECT count(*)
    FROM pg_stat_activity
    WHERE usename ~ '_(api|worker)$' AND state <> 'idle' AND now() - state_change > interval '1 second'
"""


class Frozen(msgspec.Struct, frozen=True):
    """When a server stood still."""

    since: float
    until: float


async def freeze(scene: Scene, server: str, seconds: float, seed: int) -> Outcome:
    """Freeze 'primary', 'pgbouncer' or 'nats' for so long; return what was counted and what should not have been."""
    outcome, traffic = Outcome(f"{server} frozen for {seconds:.0f} s"), Traffic(scene, seed)
    async with traffic.flowing():
        await asyncio.sleep(_WARM_SECONDS)
        since = time()
        with _still(scene, server):
            await asyncio.sleep(seconds)
        frozen = Frozen(since, time())
        await asyncio.sleep(_AFTER_SECONDS)
    _judge(outcome, traffic.answers, frozen, writes_succeed=server == "nats")
    await account(outcome, scene, traffic, since - _WARM_SECONDS, frozen.until)
    await _look_for_leaks(outcome, scene)
    return outcome


@contextmanager
def _still(scene: Scene, server: str) -> Generator[None]:
    plane, nats = scene.place.plane, scene.place.nats
    stop: Callable[[], None] = nats.pause if server == "nats" else lambda: plane.freeze(server)
    go: Callable[[], None] = nats.resume if server == "nats" else lambda: plane.thaw(server)
    stop()
    try:
        yield
    finally:
        go()


def _judge(outcome: Outcome, answers: list[Answer], frozen: Frozen, *, writes_succeed: bool) -> None:
    """Compare what clients saw with what they are promised."""
    during = [answer for answer in answers if frozen.since <= answer.sent < frozen.until]
    after = [answer for answer in answers if answer.sent >= frozen.until]
    failed_after = [answer.sent + answer.seconds - frozen.until for answer in after if not answer.done]
    refused = [answer for answer in during if answer.status == HTTPStatus.SERVICE_UNAVAILABLE]
    outcome.counts |= {
        "requests while frozen": len(during),
        "of them refused": len(refused),
        "slowest answer, s": max(answer.seconds for answer in answers),
        "last failure after the thaw, s": max(failed_after, default=0),
    }
    kinds = (*PROBES, KEYS, *READS, *WRITES)
    few = [kind for kind in kinds if sum(answer.name == kind for answer in during) < _LEAST_FOR_EACH_KIND]
    outcome.blame("asked too seldom to tell", few)
    outcome.blame(f"answered after {ANSWER_SECONDS} s", [a for a in answers if a.seconds > ANSWER_SECONDS])
    outcome.blame("neither done nor refused as 503", [a for a in answers if not a.done and a.status != 503])
    outcome.blame("refused without Retry-After or problem", [a for a in refused if not a.refuses_properly])
    never = {*kinds} if writes_succeed else {*PROBES, KEYS}
    outcome.blame("refused though the server is not needed", [a for a in refused if a.name in never])
    if not writes_succeed:
        outcome.blame("nothing was refused", [] if refused else [outcome.scenario])
    outcome.blame(
        f"not done {RECOVERY_SECONDS} s after the thaw",
        [a for a in after if not a.done and a.sent > frozen.until + RECOVERY_SECONDS],
    )


async def account(outcome: Outcome, scene: Scene, traffic: Traffic, since: float, until: float) -> None:
    """Look whether what was acknowledged is there, and whether every event took effect, soon enough after the outage."""
    leads, workshops = ([UUID(made) for made in traffic.written(name)] for name in WRITES)
    outcome.counts |= {"leads acknowledged": len(leads), "workshops acknowledged": len(workshops)}
    outcome.blame("acknowledged leads that are lost", [r["id"] for r in await scene.superuser.fetch(_LOST, leads)])
    lost = await scene.superuser.fetch(_LOST_WORKSHOPS, workshops)
    outcome.blame("acknowledged workshops that are lost", [row["id"] for row in lost])
    left = await _until_empty(lambda: scene.superuser.fetch(_WITHOUT_EFFECT))
    outcome.blame("events without effect", [row["id"] for row in left])
    first: float | None = await scene.superuser.fetchval(_FIRST_EFFECT, until)
    latest: float | None = await scene.superuser.fetchval(_LATEST_EFFECT, since, until)
    if first is None or latest is None:
        outcome.faults.append("no event took effect afterwards")
        return
    outcome.counts |= {
        "first effect afterwards, s": first - until,
        "last effect of what came before, s": latest - until,
    }
    if max(first, latest) > until + RECOVERY_SECONDS:
        outcome.faults.append(f"events waited for longer than {RECOVERY_SECONDS} s")


async def _look_for_leaks(outcome: Outcome, scene: Scene) -> None:
    """Look whether anything is still held, by the services, the pooler or the database."""

    async def held() -> list[str]:
        found = [f"{count} transactions" for count in [await scene.superuser.fetchval(_HELD)] if count]
        pools = [pool for pool in await scene.place.plane.pools() if pool["database"] != "pgbouncer"]
        found += [f"PgBouncer's {pool}" for pool in pools if {pool[column] for column in _BUSY} != {"0"}]
        for service in SERVICES:
            for process in PROCESSES:
                in_use = await _in_use(scene.url(service, process))
                if in_use:
                    found.append(f"{in_use} connections in the pool of {service}'s {process}")
        return found

    outcome.blame("still held", await _until_empty(held))


async def _in_use(url: str) -> float:
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(f"{url}/metrics")).text
    lines = [line for line in text.splitlines() if line.startswith("carbot_db_pool_in_use{")]
    if not lines:
        raise LookupError("the process does not say how many connections are in use")
    return sum(float(line.rpartition(" ")[2]) for line in lines)


async def _until_empty[T](look: Callable[[], Awaitable[list[T]]]) -> list[T]:
    """Look until nothing is found, or for long enough; return what is found in the end."""
    end = time() + _SETTLING_SECONDS
    while (found := await look()) and time() < end:
        await asyncio.sleep(0.1)
    return found
