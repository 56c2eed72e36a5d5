"""Scoring all leads again: what happens when the timer of a run is due."""

from typing import Final

from carbot_core import timers
from carbot_core.context import Context
from carbot_core.db import Tx
from carbot_core.service import Runtime
from carbot_core.timers import Due
from carbot_crm.lead_scoring import actions, features, queries
from carbot_crm.lead_scoring.queries import Scored

BATCH: Final = 500


async def rescore(runtime: Runtime, due: Due) -> None:
    """Score all leads of an organisation again, batch by batch; another worker goes on where one has stopped."""
    while True:
        async with runtime.database.transaction(Context(organization_id=due.organization_id)) as tx:
            if await _score_batch(tx, runtime, due):
                return


async def _score_batch(tx: Tx, runtime: Runtime, due: Due) -> bool:
    """Score the next leads; True if there are none left."""
    now = runtime.clock()
    place = await queries.lock_run(tx, due.key)
    if place is None:
        await timers.finish(tx, due)
        return True
    leads = await queries.list_leads_after(tx, place.after, BATCH)
    scorer = await actions.scorer(tx)
    scored = [
        Scored(lead.id, lead.workshop_id, counted, scorer.score(counted))
        for lead in leads
        for counted in (features.count(lead, now),)
    ]
    changed = sum(lead.classification != each.score.classification for lead, each in zip(leads, scored, strict=True))
    if scored:
        await queries.update_scores(tx, scored, now)
        await queries.insert_entries(tx, scored, scorer.version, "rescoring", now)
    ended = len(leads) < BATCH
    await queries.update_run(
        tx, due.key, after=leads[-1].id if leads else None, done=len(leads), changed=changed, ended=ended, now=now
    )
    if ended:
        await timers.finish(tx, due)
    return ended
