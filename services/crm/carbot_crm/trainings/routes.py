"""Trainings over HTTP."""

from uuid import UUID

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_crm.trainings import actions, queries
from carbot_crm.trainings.actions import TrainingNotFound, TrainingRuns
from carbot_crm.trainings.models import NewTraining, Training

WRITE = [web.requires(scopes.SCORING_WRITE)]


@post("/", status_code=202, guards=WRITE, responses=web.problems(TrainingRuns))
async def start_training(data: JSONBody[NewTraining], tx: web.Tx, now: web.Now) -> Training:
    """Train a logistic regression on your own leads that were won or lost (at least 50 of each); see the training for the draft."""
    return await actions.start_training(tx, data, now)


@get("/{training_id:str}", guards=WRITE, responses=web.problems(TrainingNotFound))
async def read_training(training_id: FromPath[UUID], tx: web.Tx) -> Training:
    """See whether a training has ended, how good its model is, and which draft it is."""
    training = await queries.find_training(tx, training_id)
    if training is None:
        raise TrainingNotFound(training=training_id)
    return training


TRAININGS = Router("/api/crm/v1/lead-scoring/trainings", route_handlers=[start_training, read_training])
