"""Counting what a lead shows. No clock, no database."""

from datetime import datetime
from typing import Final

from carbot_crm.lead_scoring import keywords
from carbot_crm.lead_scoring.models import Facts, Features

LONG_REQUEST: Final = 50
"""Characters."""


def count(facts: Facts, now: datetime) -> Features:
    """Return the features of a lead as it is at this moment."""
    request = keywords.fold(facts.request)
    messages = [keywords.fold(message) for message in facts.messages]
    text = " ".join([request, *messages[1:]])
    vehicle = keywords.fold(facts.vehicle or "")
    domain = (facts.email or "").rpartition("@")[2]
    return Features(
        urgent_words=len(set(keywords.URGENT.findall(text))),
        time_words=len(set(keywords.TIME.findall(text))),
        urgent_messages=sum(bool(keywords.URGENT.search(message)) for message in messages[1:]),
        age_minutes=_minutes(facts.created_at, now),
        messages=len(messages),
        average_length=round(sum(map(len, facts.messages)) / len(messages)) if messages else 0,
        question_messages=sum(_asks(message) for message in messages[1:]),
        reply_minutes=_minutes(facts.created_at, facts.first_response_at) if facts.first_response_at else -1,
        purchase_word=int(bool(keywords.PURCHASE.search(request))),
        service_word=int(bool(keywords.SERVICE.search(request))),
        high_value_word=int(bool(keywords.HIGH_VALUE.search(request))),
        purchase_words_in_chat=sum(len(set(keywords.PURCHASE.findall(message))) for message in messages[1:]),
        price_question=int(bool(keywords.PRICE.search(text))),
        vehicle_given=int(bool(facts.vehicle)),
        phone_and_name=int(bool(facts.phone and facts.name)),
        business_email=int(bool(domain) and domain not in keywords.PRIVATE_MAIL),
        german_phone=int((facts.phone or "").startswith("+49")),
        name_parts=len(facts.name.split()),
        long_request=int(len(facts.request) > LONG_REQUEST),
        polite_messages=sum(bool(keywords.POLITE.search(message)) for message in messages),
        technical_messages=sum(bool(keywords.TECHNICAL.search(message)) for message in messages),
        vehicle_details=int(bool(keywords.VEHICLE.search(vehicle + " " + request))),
        questions=sum(message.count("?") for message in messages),
    )


def _asks(message: str) -> bool:
    return "?" in message or bool(keywords.QUESTION.match(message))


def _minutes(begin: datetime, end: datetime) -> int:
    return min(max(0, round((end - begin).total_seconds() / 60)), 100_000)
