"""Trainings."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from carbot_core.fields import Line

TIMER = "training"

TrainingFailure = Literal["too_few_leads", "not_trained"]


class NewTraining(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the model that comes of it is to be called."""

    name: Line


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """How far a training is, and what came of it."""

    id: UUID
    name: str
    state: Literal["running", "done", "failed"]
    leads: int | None
    """Those whose end is known, of the newest 10 000."""
    converted: int | None
    quality: float | None
    """The area under the ROC curve over leads that it was not trained on, in five parts: 0.5 is chance, 1 is perfect."""
    model_id: UUID | None
    """The draft, to be previewed and activated like any other."""
    failure: TrainingFailure | None
    created_at: datetime
    updated_at: datetime


class Fitted(msgspec.Struct, frozen=True):
    """A logistic regression over features in the order in which they were given."""

    intercept: float
    weights: list[float]
    quality: float


class Examples(msgspec.Struct, frozen=True):
    """Leads whose end is known: the features of each, and whether it was won."""

    features: list[list[float]]
    won: list[bool]
