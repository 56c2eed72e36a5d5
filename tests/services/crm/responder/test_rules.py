"""What the rules answer."""

from datetime import UTC, datetime
from typing import Any

import pytest

from carbot_contracts.tenancy import OpeningHours
from carbot_core.ids import new_id
from carbot_crm.chat.models import Language, LeadDraft, Message
from carbot_crm.landing_pages.models import OfferedService
from carbot_crm.locations.models import Location
from carbot_crm.responder.models import Conversation, Knowledge, Question, Reply
from carbot_crm.responder.rules import Rules, words_of
from carbot_crm.responder.wordings import WORDINGS

HOURS = (OpeningHours(weekday=1, opens="08:00", closes="12:00"), OpeningHours(weekday=1, opens="13:00", closes="17:00"))
KNOWLEDGE = Knowledge(
    workshop="Werkstatt 1",
    locations=[
        Location(
            name="Halle 1",
            address="Invalidenstraße 1",
            postal_code="10115",
            city="Berlin",
            phone="+4930901820",
            opening_hours=HOURS,
        )
    ],
    questions=[Question(question="Bieten Sie einen Leihwagen an?", answer="Ja, für 20 € am Tag.")],
    services=[OfferedService(name="Hauptuntersuchung", price="ab 140 €")],
)


async def answer(asked: str, language: Language = "de", draft: LeadDraft | None = None, **known: Any) -> Reply:
    message = Message(id=new_id(), author="visitor", text=asked, created_at=datetime.now(UTC))
    conversation = Conversation(session_id=new_id(), language=language, draft=draft, history=[message])
    return await Rules().respond(conversation, Knowledge(**{**_fields(), **known}))


def _fields() -> dict[str, Any]:
    return {name: getattr(KNOWLEDGE, name) for name in KNOWLEDGE.__struct_fields__}


class TestAnswer:
    @pytest.mark.parametrize(
        ("language", "asked"),
        [
            ("de", "Wann habt ihr GEÖFFNET?"),
            ("en", "When are you open?"),
            ("tr", "Çalışma saatleriniz nedir, açık mısınız?"),
            ("pl", "Jakie są godziny otwarcia?"),
        ],
    )
    async def test_says_the_opening_hours(self, language: Language, asked: str) -> None:
        reply = await answer(asked, language)
        assert reply.text.endswith("08:00-12:00, 13:00-17:00")
        assert reply.knows

    async def test_says_that_there_are_no_opening_hours(self) -> None:
        assert (await answer("Öffnungszeiten?", locations=[])).text == WORDINGS["de"].no_hours

    async def test_prefers_what_the_workshop_has_answered(self) -> None:
        assert (await answer("bieten Sie auch einen Leihwagen an")).text == "Ja, für 20 € am Tag."

    async def test_names_services_and_prices(self) -> None:
        assert "Hauptuntersuchung: ab 140 €" in (await answer("Was sind eure Preise?")).text

    async def test_names_the_address(self) -> None:
        assert "Invalidenstraße 1, 10115 Berlin" in (await answer("Wo seid ihr?")).text

    @pytest.mark.parametrize(
        ("language", "asked"), [("de", "Mitarbeiter"), ("en", "a human"), ("tr", "çalışan"), ("pl", "człowiek")]
    )
    async def test_hands_over_to_people(self, language: Language, asked: str) -> None:
        assert (await answer(asked, language)).hands_over

    async def test_says_that_it_does_not_know(self) -> None:
        reply = await answer("Wie wird das Wetter?")
        assert (reply.text, reply.knows) == (WORDINGS["de"].unknown, False)


class TestLead:
    @pytest.mark.parametrize(
        ("language", "asked"), [("de", "Rückruf"), ("en", "callback"), ("tr", "teklif"), ("pl", "wycena")]
    )
    async def test_is_taken_step_by_step(self, language: Language, asked: str) -> None:
        draft: LeadDraft | None = None
        reply = await answer(asked, language)
        for said in ("Ayşe  Yılmaz\n", "meine Nummer: 0176 1234567", "Bremsen\nquietschen", "VW Golf"):
            assert reply.lead is None
            draft = reply.draft
            assert draft is not None
            reply = await answer(said, language, draft)
        lead = reply.lead
        assert lead is not None
        assert (lead.name, lead.phone, lead.request, lead.vehicle) == (
            "Ayşe Yılmaz",
            "+491761234567",
            "Bremsen\nquietschen",
            "VW Golf",
        )

    async def test_asks_again_for_a_number_that_is_none(self) -> None:
        draft = LeadDraft(step="phone", name="A")
        reply = await answer("weiß nicht", draft=draft)
        assert (reply.text, reply.draft) == (WORDINGS["de"].bad_phone, draft)

    async def test_needs_no_vehicle(self) -> None:
        draft = LeadDraft(step="vehicle", name="A", phone="+491761234567", request="B")
        reply = await answer("Nein!", draft=draft)
        assert reply.lead is not None
        assert reply.lead.vehicle is None

    async def test_ends_when_asked_to(self) -> None:
        reply = await answer("Abbrechen", draft=LeadDraft(step="request", name="A", phone="+491761234567"))
        assert (reply.draft, reply.lead, reply.text) == (None, None, WORDINGS["de"].cancelled)


class TestWords:
    def test_are_folded(self) -> None:
        assert words_of("Öffnungszeiten ÇALIŞAN człowiek Straße") == {
            "offnungszeiten",
            "calisan",
            "czlowiek",
            "strasse",
        }
