"""What happens when the timer of a training is due."""

import asyncio
import sys

import msgspec
import structlog

from carbot_core import timers
from carbot_core.context import Context
from carbot_core.db import Tx
from carbot_core.service import Runtime
from carbot_core.timers import Due
from carbot_crm.lead_scoring import queries as scoring
from carbot_crm.trainings import actions, queries
from carbot_crm.trainings.models import Examples, Fitted, TrainingFailure

log = structlog.get_logger()

_LONGEST_SECONDS = 45
"""Less than a timer's lease."""


async def train(runtime: Runtime, due: Due) -> None:
    """Fit a model to the newest leads whose end is known, outside any transaction, and draft it."""
    context = Context(organization_id=due.organization_id)
    async with runtime.database.transaction(context) as tx:
        rows = await scoring.list_training(tx, after=None, limit=actions.LEADS, ended=True)
    won = [row.converted for row in rows]
    fitted: Fitted | None = None
    failure: TrainingFailure = "too_few_leads"
    if min(sum(won), len(won) - sum(won)) >= actions.FEWEST:
        features = [[float(value) for value in msgspec.structs.astuple(row.features)] for row in rows]
        fitted, failure = await _fit(Examples(features, won)), "not_trained"
    async with runtime.database.transaction(context) as tx:
        if await timers.finish(tx, due):
            await _end(tx, runtime, due, won, fitted or failure)


async def _end(tx: Tx, runtime: Runtime, due: Due, won: list[bool], outcome: Fitted | TrainingFailure) -> None:
    training, now = await queries.find_training(tx, due.key), runtime.clock()
    if training is None:
        return
    counts = {"leads": len(won), "converted": sum(won)}
    if isinstance(outcome, Fitted):
        await actions.keep_model(tx, training, outcome, **counts, now=now)
    else:
        await queries.mark_failed(tx, training.id, outcome, **counts, now=now)


async def _fit(examples: Examples) -> Fitted | None:
    """Fit in a process of its own; None if it fails or takes too long."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "carbot_crm.trainings.fitting"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            written, complaint = await process.communicate(msgspec.json.encode(examples))
        if process.returncode == 0:
            return msgspec.json.decode(written, type=Fitted)
        log.error("not_trained", status=process.returncode, complaint=complaint[-500:].decode(errors="replace"))
    except TimeoutError:
        log.error("not_trained", reason="timeout")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return None
