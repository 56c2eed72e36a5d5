"""The replica becomes the primary under traffic, while the old primary goes on and is demoted a little later."""

import asyncio
from contextlib import AsyncExitStack
from time import time
from typing import LiteralString

import asyncpg
import msgspec

from carbot_local.database import connected
from tests.chaos.frozen.freezing import ANSWER_SECONDS, RECOVERY_SECONDS, account
from tests.chaos.frozen.outcome import Outcome
from tests.chaos.frozen.scene import Scene
from tests.chaos.frozen.traffic import WRITES, Traffic

_WARM_SECONDS = 2.0
_DEMOTED_AFTER_SECONDS = 1.0
_POINTED_AFTER_SECONDS = 3.0
_WATCHED_SECONDS = 12.0
_SPLIT_SECONDS = 5.0
_LEAST_REFUSED_WRITES = 5

_LAST_WRITE: LiteralString = """
    SELECT extract(epoch FROM max(pg_xact_commit_timestamp(xmin)))::float8
    FROM (
        SELECT xmin FROM crm.leads
        UNION ALL SELECT xmin FROM crm.outbox
        UNION ALL SELECT xmin FROM crm.inbox
        UNION ALL SELECT xmin FROM crm.workshops
        UNION ALL SELECT xmin FROM crm.revocations
        UNION ALL SELECT xmin FROM tenancy.workshops
        UNION ALL SELECT xmin FROM tenancy.outbox
        UNION ALL SELECT xmin FROM tenancy.audit_outbox
    ) written
"""


async def promote(scene: Scene, seed: int) -> Outcome:
    """Fail over; return what was counted and what should not have been."""
    outcome, traffic, plane = Outcome("replica promoted"), Traffic(scene, seed), scene.place.plane
    await plane.replicate_synchronously()
    async with traffic.flowing():
        await asyncio.sleep(_WARM_SECONDS)
        promoted = time()
        await plane.promote_replica()
        await asyncio.sleep(_DEMOTED_AFTER_SECONDS)
        await plane.demote_primary()
        await asyncio.sleep(promoted + _POINTED_AFTER_SECONDS - time())
        await plane.point_pooler_at_replica(scene.place.database)
        pointed = time()
        await asyncio.sleep(_WATCHED_SECONDS)
    _judge(outcome, traffic, promoted, pointed)
    await _look_at_the_old(outcome, scene.superuser, promoted)
    async with AsyncExitStack() as stack:
        new = await stack.enter_async_context(connected(plane.dsn_superuser(scene.place.database, replica=True)))
        await account(
            outcome, msgspec.structs.replace(scene, superuser=new), traffic, promoted - _WARM_SECONDS, pointed
        )
    return outcome


def _judge(outcome: Outcome, traffic: Traffic, promoted: float, pointed: float) -> None:
    answers = traffic.answers
    refused = [a for a in answers if a.status == 503]
    failed = [a.sent - pointed for a in answers if not a.done]
    outcome.counts |= {
        "requests since the promotion": sum(a.sent > promoted for a in answers),
        "refused": len(refused),
        "slowest answer, s": max(a.seconds for a in answers),
        "last failure after the pooler was told, s": max(failed, default=0),
    }
    refused_writes = [a for a in refused if a.name in WRITES]
    if len(refused_writes) < _LEAST_REFUSED_WRITES:
        outcome.faults.append(f"only {len(refused_writes)} writes met the failover")
    outcome.blame(f"answered after {ANSWER_SECONDS} s", [a for a in answers if a.seconds > ANSWER_SECONDS])
    outcome.blame("neither done nor refused as 503", [a for a in answers if not a.done and a.status != 503])
    outcome.blame("refused without Retry-After or problem", [a for a in refused if not a.refuses_properly])
    late = [a for a in answers if not a.done and a.sent > pointed + RECOVERY_SECONDS]
    outcome.blame(f"not done {RECOVERY_SECONDS} s after the pooler was told", late)


async def _look_at_the_old(outcome: Outcome, old: asyncpg.Connection, promoted: float) -> None:
    last: float = await old.fetchval(_LAST_WRITE)
    outcome.counts["last write on the old primary after the promotion, s"] = last - promoted
    if last > promoted + _SPLIT_SECONDS:
        outcome.faults.append(f"the old primary was written to {last - promoted:.1f} s after the promotion")
