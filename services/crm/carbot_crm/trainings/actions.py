"""Beginning a training, and keeping what came of it."""

from datetime import datetime

from carbot_core import timers
from carbot_core.db import Tx
from carbot_core.errors import Conflict, NotFound
from carbot_crm.lead_scoring import queries as scoring
from carbot_crm.lead_scoring.models import Features, Logistic
from carbot_crm.trainings import queries
from carbot_crm.trainings.models import TIMER, Fitted, NewTraining, Training

LEADS = 10_000
FEWEST = 50
"""Leads that were won, and as many that were lost: with fewer, five parts tell chance from skill too badly."""
_DIGITS = 6


class TrainingRuns(Conflict):
    """A model is being trained already: wait until that has ended."""


class TrainingNotFound(NotFound):
    """There is no such training."""


async def start_training(tx: Tx, new: NewTraining, now: datetime) -> Training:
    """Begin to train a model; raise TrainingRuns."""
    training = await queries.insert_training(tx, new.name, now)
    if training is None:
        raise TrainingRuns
    await timers.start(tx, TIMER, training.id, now)
    return training


async def keep_model(tx: Tx, training: Training, fitted: Fitted, *, leads: int, converted: int, now: datetime) -> None:
    """Draft the model that came of a training."""
    weights = dict(zip(Features.__struct_fields__, fitted.weights, strict=True))
    logistic = Logistic(
        intercept=round(fitted.intercept, _DIGITS),
        weights={name: round(weight, _DIGITS) for name, weight in weights.items() if round(weight, _DIGITS)},
    )
    model = await scoring.insert_model(tx, name=training.name, kind="logistic", parameters=logistic, now=now)
    await queries.mark_done(
        tx, training.id, model.id, leads=leads, converted=converted, quality=round(fitted.quality, 4), now=now
    )
