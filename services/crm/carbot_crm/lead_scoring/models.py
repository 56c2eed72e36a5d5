"""Features, models and scores."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from carbot_core.fields import Line

Classification = Literal["hot", "warm", "cold", "very_cold"]
UrgencyClass = Literal["high", "medium", "low"]
Trigger = Literal["taken", "message", "edit", "rescoring"]
Factor = Literal["urgency", "engagement", "intent", "demographics", "behaviour"]
Count = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
Number = Annotated[float, msgspec.Meta(ge=-1000, le=1000)]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a lead when it is scored."""

    name: str
    phone: str | None
    email: str | None
    request: str
    vehicle: str | None
    created_at: datetime
    first_response_at: datetime | None
    messages: list[str]
    """What the guest wrote, the request among it."""


class Features(msgspec.Struct, frozen=True, kw_only=True):
    """What is counted of a lead: a row of a training set. Nothing personal is in it."""

    urgent_words: Count = 0
    time_words: Count = 0
    urgent_messages: Count = 0
    age_minutes: Count = 0
    messages: Count = 0
    average_length: Count = 0
    question_messages: Count = 0
    reply_minutes: Annotated[int, msgspec.Meta(ge=-1, le=10_000_000)] = -1
    """Minutes until staff first answered; -1 while nobody has."""
    purchase_word: Count = 0
    service_word: Count = 0
    high_value_word: Count = 0
    purchase_words_in_chat: Count = 0
    price_question: Count = 0
    vehicle_given: Count = 0
    phone_and_name: Count = 0
    business_email: Count = 0
    german_phone: Count = 0
    name_parts: Count = 0
    long_request: Count = 0
    polite_messages: Count = 0
    technical_messages: Count = 0
    vehicle_details: Count = 0
    questions: Count = 0


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Points and weights of a rule model; the defaults are the first version's."""

    weights: dict[Factor, Number] = msgspec.field(
        default_factory=lambda: {
            "urgency": 0.25,
            "engagement": 0.20,
            "intent": 0.25,
            "demographics": 0.15,
            "behaviour": 0.15,
        }
    )
    bases: dict[Factor, Number] = msgspec.field(
        default_factory=lambda: {"urgency": 50, "engagement": 30, "intent": 40, "demographics": 50, "behaviour": 40}
    )
    points: dict[str, Number] = msgspec.field(default_factory=dict[str, float])
    """Other points than the product's, by feature (for stepped features: added to what the step gives)."""


class Logistic(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A logistic regression over the features: score = 100 / (1 + exp(-(intercept + sum of weight x feature)))."""

    intercept: Number
    weights: dict[str, Number]


class Contribution(msgspec.Struct, frozen=True):
    """What a feature added to the score; factor is null in a logistic model, whose contributions are log-odds."""

    factor: Factor | None
    feature: str
    points: float


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How promising a lead is, and why."""

    score: Annotated[int, msgspec.Meta(ge=0, le=100)]
    classification: Classification
    urgency_class: UrgencyClass
    estimated_value: int
    """Euro cents."""
    contributions: list[Contribution]


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A version of how leads are scored; version 1 is the product's and active while no other is."""

    id: UUID
    version: int
    kind: Literal["rules", "logistic"]
    name: str
    parameters: dict[str, Any]
    """Rules or logistic, as the kind says."""
    status: Literal["draft", "active", "retired"]
    created_at: datetime
    updated_at: datetime
    revision: int


class NewModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A draft: give rules or logistic."""

    name: Line
    rules: Rules | None = None
    logistic: Logistic | None = None


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a draft would have said of the newest leads: how many would be in which class, now and then."""

    leads: int
    now: dict[str, int]
    then: dict[str, int]
    changed: int


class ScoreEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A score as it was given, with what it was counted from."""

    id: UUID
    score: int
    classification: Classification
    model_version: int
    features: Features
    contributions: list[Contribution]
    trigger: Trigger
    created_at: datetime


class EntryPosition(msgspec.Struct, frozen=True):
    """After which score a page goes on."""

    created_at: datetime
    id: UUID


class ModelPosition(msgspec.Struct, frozen=True):
    """After which model a page goes on."""

    version: int


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A rescoring of all leads: how far it is."""

    id: UUID
    state: Literal["running", "done"]
    total: int
    done: int
    changed: int
    created_at: datetime
    updated_at: datetime
