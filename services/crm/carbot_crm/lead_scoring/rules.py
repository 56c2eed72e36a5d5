"""From features to a score. No clock, no database.

The first version's rules: five factors from 0 to 100, each a base and points, weighted; classes from 80, 60 and 40 on; the value is a
base of 300 euros and more where intent, demographics and urgency are high.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from carbot_crm.lead_scoring.models import (
    Classification,
    Contribution,
    Factor,
    Features,
    Logistic,
    Rules,
    Score,
    UrgencyClass,
)

type Steps = Sequence[tuple[int, float]]

_PER: Final[Mapping[Factor, Mapping[str, float]]] = {
    "urgency": {"urgent_words": 15, "time_words": 10, "urgent_messages": 8},
    "engagement": {"question_messages": 8},
    "intent": {
        "purchase_word": 20,
        "service_word": 15,
        "high_value_word": 25,
        "purchase_words_in_chat": 12,
        "price_question": 20,
        "vehicle_given": 15,
        "phone_and_name": 15,
    },
    "demographics": {"long_request": 15},
    "behaviour": {"polite_messages": 8, "technical_messages": 10, "vehicle_details": 20, "questions": 5},
}
"""Points for each time."""

_BELOW: Final[Mapping[Factor, Mapping[str, Steps]]] = {
    "urgency": {"age_minutes": ((60, 20), (360, 15), (1440, 10), (4320, 5))},
    "engagement": {"reply_minutes": ((2, 15), (5, 10), (15, 5))},
}
"""Points of the first step that the value is below."""

_FROM: Final[Mapping[Factor, Mapping[str, Steps]]] = {
    "engagement": {"messages": ((10, 30), (5, 20), (3, 15), (2, 10)), "average_length": ((101, 15), (51, 10), (21, 5))},
    "demographics": {
        "business_email": ((1, 20), (0, 10)),
        "german_phone": ((1, 15), (0, 10)),
        "name_parts": ((3, 15), (2, 10)),
    },
}
"""Points of the first step that the value reaches."""

_CLASSES: Final[Sequence[tuple[int, Classification]]] = ((80, "hot"), (60, "warm"), (40, "cold"), (0, "very_cold"))
_URGENCY_CLASSES: Final[Sequence[tuple[int, UrgencyClass]]] = ((70, "high"), (50, "medium"), (0, "low"))
_URGENCY_WEIGHTS: Final[Mapping[Factor, float]] = {"urgency": 0.4, "intent": 0.3, "engagement": 0.3}
_BASE_CENTS: Final = 30_000
_MORE_VALUE: Final[Sequence[tuple[Factor, int, float]]] = (
    ("intent", 80, 0.5),
    ("demographics", 70, 0.3),
    ("urgency", 70, 0.2),
)


def by_rules(features: Features, rules: Rules) -> Score:
    """Return the score of a rule model."""
    factors: dict[Factor, float] = {}
    contributions: list[Contribution] = []
    for factor, weight in rules.weights.items():
        given = {"base": rules.bases.get(factor, 0.0), **_points(factor, features, rules.points)}
        total = sum(given.values())
        factors[factor] = min(100.0, max(0.0, total))
        contributions += [
            Contribution(factor, name, round(points * weight, 2)) for name, points in given.items() if points
        ]
        if factors[factor] != total:
            contributions.append(Contribution(factor, "limit", round((factors[factor] - total) * weight, 2)))
    score = _whole(sum(factors[factor] * weight for factor, weight in rules.weights.items()))
    urgency = sum(factors.get(factor, 0.0) * weight for factor, weight in _URGENCY_WEIGHTS.items())
    more = sum(share for factor, above, share in _MORE_VALUE if factors.get(factor, 0.0) > above)
    return Score(
        score=score,
        classification=_class_of(score),
        urgency_class=next(name for least, name in _URGENCY_CLASSES if urgency >= least),
        estimated_value=round(_BASE_CENTS * (1 + more)),
        contributions=contributions,
    )


def by_logistic(features: Features, model: Logistic) -> Score:
    """Return the score of a logistic model; urgency class and value are those of the product's rules, which it does not predict."""
    values = msgspec.structs.asdict(features)
    terms = {name: weight * values[name] for name, weight in model.weights.items() if name in values}
    odds = min(50.0, max(-50.0, model.intercept + sum(terms.values())))
    score = _whole(100 / (1 + math.exp(-odds)))
    contributions = [Contribution(None, "intercept", model.intercept)]
    contributions += [Contribution(None, name, round(term, 4)) for name, term in terms.items() if term]
    known = by_rules(features, Rules())
    return Score(
        score=score,
        classification=_class_of(score),
        urgency_class=known.urgency_class,
        estimated_value=known.estimated_value,
        contributions=contributions,
    )


def _points(factor: Factor, features: Features, other: Mapping[str, float]) -> dict[str, float]:
    given: dict[str, float] = {}
    for name, points in _PER.get(factor, {}).items():
        given[name] = other.get(name, points) * getattr(features, name)
    for name, steps in _BELOW.get(factor, {}).items():
        value = getattr(features, name)
        given[name] = next((points for limit, points in steps if 0 <= value < limit), 0.0)
    for name, steps in _FROM.get(factor, {}).items():
        given[name] = next((points for least, points in steps if getattr(features, name) >= least), 0.0)
    return given


def _class_of(score: int) -> Classification:
    return next(name for least, name in _CLASSES if score >= least)


def _whole(score: float) -> int:
    """Round half up, as people do by hand."""
    return min(100, max(0, math.floor(score + 0.5)))
