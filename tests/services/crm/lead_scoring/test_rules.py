"""The documented rules, counted by hand: five factors, weights 0.25, 0.20, 0.25, 0.15, 0.15, half points rounded up."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from carbot_crm.lead_scoring.features import count
from carbot_crm.lead_scoring.models import Facts, Features, Logistic, Rules
from carbot_crm.lead_scoring.rules import by_logistic, by_rules

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OLD: dict[str, Any] = {"age_minutes": 10_000}
"""Old enough for no points; the demographics of nobody are 50 + 10 (private mail) + 10 (foreign phone) = 70."""


def score(**features: Any) -> tuple[int, str, str, int]:
    found = by_rules(Features(**{**OLD, **features}), Rules())
    return found.score, found.classification, found.urgency_class, found.estimated_value // 100


# Nothing at all: 50*.25 + 30*.20 + 40*.25 + 70*.15 + 40*.15 = 12.5 + 6 + 10 + 10.5 + 6 = 45; urgency class .4*50+.3*40+.3*30 = 41.
@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({}, (45, "cold", "low", 300)),
        # Urgency: +15 a word = +3.75, and so on to the limit of 100, +12.5.
        ({"urgent_words": 1}, (49, "cold", "low", 300)),
        ({"urgent_words": 2}, (53, "cold", "medium", 360)),
        ({"urgent_words": 3}, (56, "cold", "medium", 360)),
        ({"urgent_words": 4}, (58, "cold", "medium", 360)),
        ({"urgent_words": 9}, (58, "cold", "medium", 360)),
        ({"time_words": 1}, (48, "cold", "low", 300)),
        ({"time_words": 2}, (50, "cold", "low", 300)),
        ({"time_words": 3}, (53, "cold", "medium", 360)),
        ({"urgent_messages": 1}, (47, "cold", "low", 300)),
        ({"urgent_messages": 2}, (49, "cold", "low", 300)),
        ({"age_minutes": 0}, (50, "cold", "low", 300)),
        ({"age_minutes": 59}, (50, "cold", "low", 300)),
        ({"age_minutes": 60}, (49, "cold", "low", 300)),
        ({"age_minutes": 359}, (49, "cold", "low", 300)),
        ({"age_minutes": 360}, (48, "cold", "low", 300)),
        ({"age_minutes": 1439}, (48, "cold", "low", 300)),
        ({"age_minutes": 1440}, (46, "cold", "low", 300)),
        ({"age_minutes": 4319}, (46, "cold", "low", 300)),
        ({"age_minutes": 4320}, (45, "cold", "low", 300)),
        # Engagement: weight .20.
        ({"messages": 1}, (45, "cold", "low", 300)),
        ({"messages": 2}, (47, "cold", "low", 300)),
        ({"messages": 3}, (48, "cold", "low", 300)),
        ({"messages": 5}, (49, "cold", "low", 300)),
        ({"messages": 10}, (51, "cold", "medium", 300)),
        ({"average_length": 20}, (45, "cold", "low", 300)),
        ({"average_length": 21}, (46, "cold", "low", 300)),
        ({"average_length": 51}, (47, "cold", "low", 300)),
        ({"average_length": 101}, (48, "cold", "low", 300)),
        ({"question_messages": 1}, (47, "cold", "low", 300)),
        ({"question_messages": 2}, (48, "cold", "low", 300)),
        ({"reply_minutes": 1}, (48, "cold", "low", 300)),
        ({"reply_minutes": 2}, (47, "cold", "low", 300)),
        ({"reply_minutes": 5}, (46, "cold", "low", 300)),
        ({"reply_minutes": 15}, (45, "cold", "low", 300)),
        ({"reply_minutes": -1}, (45, "cold", "low", 300)),
        # Intent: weight .25, limit 100; the value rises by half above 80.
        ({"purchase_word": 1}, (50, "cold", "low", 300)),
        ({"service_word": 1}, (49, "cold", "low", 300)),
        ({"high_value_word": 1}, (51, "cold", "low", 300)),
        ({"purchase_words_in_chat": 1}, (48, "cold", "low", 300)),
        ({"price_question": 1}, (50, "cold", "low", 300)),
        ({"vehicle_given": 1}, (49, "cold", "low", 300)),
        ({"phone_and_name": 1}, (49, "cold", "low", 300)),
        ({"purchase_word": 1, "price_question": 1}, (55, "cold", "medium", 300)),
        ({"purchase_word": 1, "high_value_word": 1}, (56, "cold", "medium", 450)),
        ({"purchase_word": 1, "high_value_word": 1, "service_word": 1}, (60, "warm", "medium", 450)),
        ({"purchase_words_in_chat": 9}, (60, "warm", "medium", 450)),
        # Demographics: 70 already; +10 business, +5 German, +10 or +15 name, +15 long; above 70 the value rises by 0.3.
        ({"business_email": 1}, (47, "cold", "low", 390)),
        ({"german_phone": 1}, (46, "cold", "low", 390)),
        ({"name_parts": 1}, (45, "cold", "low", 300)),
        ({"name_parts": 2}, (47, "cold", "low", 390)),
        ({"name_parts": 3}, (47, "cold", "low", 390)),
        ({"long_request": 1}, (47, "cold", "low", 390)),
        ({"business_email": 1, "german_phone": 1, "name_parts": 3, "long_request": 1}, (50, "cold", "low", 390)),
        # Behaviour: weight .15.
        ({"polite_messages": 1}, (46, "cold", "low", 300)),
        ({"polite_messages": 2}, (47, "cold", "low", 300)),
        ({"technical_messages": 1}, (47, "cold", "low", 300)),
        ({"vehicle_details": 1}, (48, "cold", "low", 300)),
        ({"questions": 1}, (46, "cold", "low", 300)),
        ({"questions": 12}, (54, "cold", "low", 300)),
        # Together: 100 everywhere but behaviour (40 + 8 + 20 + 5 = 73): 25 + 20 + 25 + 15 + 10.95 = 95.95.
        (
            {
                "urgent_words": 3,
                "age_minutes": 5,
                "messages": 10,
                "average_length": 120,
                "question_messages": 2,
                "reply_minutes": 1,
                "purchase_word": 1,
                "high_value_word": 1,
                "vehicle_given": 1,
                "business_email": 1,
                "german_phone": 1,
                "name_parts": 2,
                "long_request": 1,
                "polite_messages": 1,
                "vehicle_details": 1,
                "questions": 1,
            },
            (96, "hot", "high", 600),
        ),
    ],
)
def test_scores_as_documented(features: dict[str, Any], expected: tuple[int, str, str, int]) -> None:
    assert score(**features) == expected


def test_contributions_explain_the_score() -> None:
    found = by_rules(Features(urgent_words=9, age_minutes=5, purchase_word=1, name_parts=2), Rules())
    assert round(sum(each.points for each in found.contributions)) == found.score
    limited = next(each for each in found.contributions if each.feature == "limit")
    assert (limited.factor, limited.points) == ("urgency", round((100 - (50 + 9 * 15 + 20)) * 0.25, 2))


def test_points_of_a_model_replace_the_products() -> None:
    louder = Rules(points={"urgent_words": 30})
    assert by_rules(Features(urgent_words=1, **OLD), louder).score == 53


def test_logistic_model_gives_a_probability() -> None:
    model = Logistic(intercept=-1.0, weights={"purchase_word": 2.0, "messages": 0.5})
    found = by_logistic(Features(purchase_word=1, messages=2), model)
    assert found.score == 88
    assert {each.feature: each.points for each in found.contributions} == {
        "intercept": -1.0,
        "purchase_word": 2.0,
        "messages": 1.0,
    }


def facts(**changes: Any) -> Facts:
    known: dict[str, Any] = {
        "name": "Ayşe Yılmaz",
        "phone": "+4930123",
        "email": "a@gmx.de",
        "request": "Hallo",
        "vehicle": None,
        "created_at": NOW - timedelta(minutes=30),
        "first_response_at": None,
        "messages": ["Hallo"],
    }
    return Facts(**{**known, **changes})


@pytest.mark.parametrize(
    "request_text",
    [
        "Dringend, Bremsen kaputt! Bitte um Termin, was kostet das?",
        "Urgent, brake broken! Please an appointment, what does it cost?",
        "Acil, fren bozuk! Lütfen randevu, kaç lira?",
        "Pilnie, hamulce zepsuty! Proszę o wizyta, ile kosztuje?",
    ],
)
def test_reads_four_languages_alike(request_text: str) -> None:
    found = count(facts(request=request_text, messages=[request_text]), NOW)
    seen = (found.urgent_words, found.purchase_word, found.high_value_word, found.price_question, found.polite_messages)
    assert seen == (2, 1, 1, 1, 1)


def test_counts_what_is_written_and_given() -> None:
    texts = ["TÜV für meinen Golf", "Wann haben Sie Zeit?", "Danke"]
    found = count(
        facts(
            request=texts[0],
            messages=texts,
            vehicle="VW Golf",
            email="chef@fuhrpark.example",
            first_response_at=NOW - timedelta(minutes=26),
        ),
        NOW,
    )
    assert (found.messages, found.question_messages, found.questions, found.reply_minutes) == (3, 1, 1, 4)
    assert (found.business_email, found.german_phone, found.name_parts, found.vehicle_details) == (1, 1, 2, 1)
    assert (found.age_minutes, found.vehicle_given, found.high_value_word, found.long_request) == (30, 1, 1, 0)
