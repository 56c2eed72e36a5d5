"""Scoring leads, and choosing by which model."""

from collections import Counter
from datetime import datetime
from uuid import UUID

import msgspec

from carbot_core import timers
from carbot_core.db import Tx
from carbot_core.errors import Conflict, FieldError, Invalid, NotFound
from carbot_crm.lead_scoring import features, queries, rules
from carbot_crm.lead_scoring.models import (
    Facts,
    Features,
    Logistic,
    Model,
    NewModel,
    Preview,
    Rules,
    Run,
    Score,
    Trigger,
)
from carbot_crm.lead_scoring.queries import ActiveModel, Scored

RESCORING = "rescoring"
PREVIEWED = 500
_OURS = 1


class ModelNotFound(NotFound):
    """There is no such scoring model."""


class ModelAmbiguous(Invalid):
    """A model is either rules or logistic: give one of the two."""


class UnknownFeature(Invalid):
    """There is no such feature: see the columns of the training data."""


class RescoringRuns(Conflict):
    """All leads are being scored again already: wait until it has ended."""


class RunNotFound(NotFound):
    """There is no such rescoring."""


class Scorer(msgspec.Struct, frozen=True):
    """The model in force."""

    version: int
    model: Rules | Logistic

    def score(self, counted: Features) -> Score:
        """Return the score of a lead with these features."""
        return (
            rules.by_rules(counted, self.model)
            if isinstance(self.model, Rules)
            else rules.by_logistic(counted, self.model)
        )


async def scorer(tx: Tx) -> Scorer:
    """Return the organisation's model in force, else the product's."""
    active = await queries.find_active_model(tx)
    return Scorer(_OURS, Rules()) if active is None else Scorer(active.version, _read(active))


async def note_score(
    tx: Tx, lead_id: UUID, workshop_id: UUID, facts: Facts, trigger: Trigger, now: datetime, *, by: Scorer
) -> Score:
    """Score a lead and keep what it was counted from; who calls stores the score with the lead."""
    counted = features.count(facts, now)
    score = by.score(counted)
    await queries.insert_entries(tx, [Scored(lead_id, workshop_id, counted, score)], by.version, trigger, now)
    return score


async def create_model(tx: Tx, new: NewModel, now: datetime) -> Model:
    """Store a draft; raise ModelAmbiguous, UnknownFeature."""
    model = new.rules or new.logistic
    if model is None or (new.rules is not None and new.logistic is not None):
        raise ModelAmbiguous(errors=(FieldError("/rules", ModelAmbiguous.sentence()),))
    named = new.rules.points if new.rules else model.weights
    unknown = set(named) - set(Features.__struct_fields__)
    if unknown:
        where = "/rules/points" if new.rules else "/logistic/weights"
        raise UnknownFeature(errors=(FieldError(where, UnknownFeature.sentence()),))
    kind = "rules" if new.rules else "logistic"
    return await queries.insert_model(tx, name=new.name, kind=kind, parameters=model, now=now)


async def activate_model(tx: Tx, model_id: UUID, now: datetime) -> Model:
    """Score by this model from now on; a retired one comes back the same way. Raises ModelNotFound."""
    if await queries.find_model(tx, model_id) is None:
        raise ModelNotFound(model=model_id)
    await queries.retire_active_model(tx, now)
    model = await queries.mark_active(tx, model_id, now)
    if model is None:
        raise ModelNotFound(model=model_id)
    return model


async def preview_model(tx: Tx, model_id: UUID) -> Preview:
    """Compare a model with the one in force over the newest leads; raise ModelNotFound."""
    model = await queries.find_model(tx, model_id)
    if model is None:
        raise ModelNotFound(model=model_id)
    present, draft = await scorer(tx), Scorer(model.version, _read(_active(model)))
    known = await queries.list_training(tx, after=None, limit=PREVIEWED, ended=False)
    pairs = [(present.score(each.features).classification, draft.score(each.features).classification) for each in known]
    return Preview(
        leads=len(pairs),
        now=Counter(one for one, _ in pairs),
        then=Counter(other for _, other in pairs),
        changed=sum(one != other for one, other in pairs),
    )


async def start_run(tx: Tx, now: datetime) -> Run:
    """Begin to score all leads again; raise RescoringRuns."""
    run = await queries.insert_run(tx, now)
    if run is None:
        raise RescoringRuns
    await timers.start(tx, RESCORING, run.id, now)
    return run


def _active(model: Model) -> ActiveModel:
    return ActiveModel(model.version, model.kind, model.parameters)


def _read(model: ActiveModel) -> Rules | Logistic:
    return msgspec.convert(model.parameters, Rules if model.kind == "rules" else Logistic)
