"""The responder that is always there: knows what the workshop has noted, takes a lead step by step, asks nobody."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Final, override

import msgspec

from carbot_contracts.tenancy import OpeningHours
from carbot_core.fields import InvalidPhone, normalize_phone
from carbot_crm.chat.models import DraftStep, LeadDraft
from carbot_crm.locations.models import Location
from carbot_crm.responder.models import Conversation, Knowledge, Question, Reply, Responder, WantedLead
from carbot_crm.responder.wordings import WORDINGS, Wording

LIKENESS: Final = 0.6
"""Which share of a known question's words must be in what is asked."""
_SHORTEST_WORD: Final = 3
_LONGEST_LINE: Final = 200
_WORD: Final = re.compile(r"[^\W_]+")
_NUMBER: Final = re.compile(r"[+0][0-9 ()/.-]{4,38}[0-9]")


class Rules(Responder):
    """Answers by rules."""

    @override
    async def respond(self, conversation: Conversation, knowledge: Knowledge) -> Reply:
        wording, asked = WORDINGS[conversation.language], conversation.asked
        heard = words_of(asked)
        if conversation.draft is not None:
            if heard & wording.hears_cancel:
                return Reply(text=wording.cancelled)
            return _STEPS[conversation.draft.step](conversation.draft, asked, wording)
        return _answer(heard, knowledge, wording)


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text, folded: lower case and without marks, also the Turkish i without a dot and the Polish l."""
    lower = text.casefold().replace("\N{LATIN SMALL LETTER DOTLESS I}", "i").replace("ł", "l")
    plain = "".join(each for each in unicodedata.normalize("NFD", lower) if not unicodedata.combining(each))
    return frozenset(_WORD.findall(plain))


def _answer(heard: frozenset[str], knowledge: Knowledge, wording: Wording) -> Reply:
    if heard & wording.hears_person:
        return Reply(text=wording.handed_over, hands_over=True)
    if known := _best(heard, knowledge.questions):
        return Reply(text=known.answer)
    if heard & wording.hears_lead:
        return Reply(text=wording.ask_name, draft=LeadDraft(step="name"))
    topics = (
        (wording.hears_hours, _hours(knowledge.locations, wording)),
        (wording.hears_services, _services(knowledge, wording)),
        (wording.hears_address, _addresses(knowledge.locations, wording)),
        (wording.hears_greeting, wording.greeting),
    )
    text = next((text for words, text in topics if heard & words), None)
    return Reply(text=text or wording.unknown, knows=text is not None)


def _best(heard: frozenset[str], questions: Iterable[Question]) -> Question | None:
    """Return the known question that is most alike, or None if none is enough."""
    best, found = LIKENESS, None
    for known in questions:
        telling = {word for word in words_of(known.question) if len(word) >= _SHORTEST_WORD}
        if telling and (likeness := len(telling & heard) / len(telling)) >= best:
            best, found = likeness, known
    return found


def _hours(locations: list[Location], wording: Wording) -> str:
    lines = [
        f"{f'{each.name}: ' if len(locations) > 1 else ''}{_week(each.opening_hours, wording)}"
        for each in locations
        if each.opening_hours
    ]
    return "\n".join([wording.hours, *lines]) if lines else wording.no_hours


def _week(hours: tuple[OpeningHours, ...], wording: Wording) -> str:
    ordered = sorted(hours, key=lambda each: (each.weekday, each.opens))
    days = groupby(ordered, key=lambda each: each.weekday)
    return "; ".join(
        f"{wording.weekdays[day - 1]} {', '.join(f'{each.opens}-{each.closes}' for each in times)}"
        for day, times in days
    )


def _services(knowledge: Knowledge, wording: Wording) -> str:
    lines = [f"{each.name}: {each.price}" if each.price else each.name for each in knowledge.services]
    return "\n".join([wording.services, *lines]) if lines else wording.no_services


def _addresses(locations: list[Location], wording: Wording) -> str:
    lines = [
        ", ".join(filter(None, (each.name, each.address, f"{each.postal_code} {each.city}", each.phone)))
        for each in locations
    ]
    return "\n".join([wording.address, *lines]) if lines else wording.no_address


def _take_name(draft: LeadDraft, asked: str, wording: Wording) -> Reply:
    name = _line(asked)
    if not name:
        return Reply(text=wording.ask_name, draft=draft)
    return Reply(text=wording.ask_phone, draft=msgspec.structs.replace(draft, step="phone", name=name))


def _take_phone(draft: LeadDraft, asked: str, wording: Wording) -> Reply:
    found = _NUMBER.search(asked)
    try:
        phone = normalize_phone(found[0] if found else asked[:40])
    except InvalidPhone:
        return Reply(text=wording.bad_phone, draft=draft)
    return Reply(text=wording.ask_request, draft=msgspec.structs.replace(draft, step="request", phone=phone))


def _take_request(draft: LeadDraft, asked: str, wording: Wording) -> Reply:
    return Reply(text=wording.ask_vehicle, draft=msgspec.structs.replace(draft, step="vehicle", request=asked))


def _take_vehicle(draft: LeadDraft, asked: str, wording: Wording) -> Reply:
    vehicle = None if words_of(asked) <= wording.hears_no else _line(asked)
    lead = WantedLead(name=draft.name or "", phone=draft.phone or "", request=draft.request or "", vehicle=vehicle)
    return Reply(text=wording.taken, lead=lead)


def _line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_LINE]


_STEPS: Final[Mapping[DraftStep, Callable[[LeadDraft, str, Wording], Reply]]] = {
    "name": _take_name,
    "phone": _take_phone,
    "request": _take_request,
    "vehicle": _take_vehicle,
}
