"""The bot in a conversation: rules, a language model behind them, leads."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from carbot_contracts.tenancy import LocationChanged, OpeningHours
from carbot_core.clock import utc_now
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.ids import new_id
from carbot_core.service import Runtime
from carbot_core.timers import Due
from carbot_crm.responder import endpoint
from carbot_crm.responder.events import answer_visitor
from carbot_crm.responder.wordings import WORDINGS
from carbot_testing.running import Place
from carbot_testing.world import Organization, World

CHAT = "/api/crm/v1/public/chat"


class Model:
    """A small server that speaks the interface, as the test wants it to."""

    def __init__(self) -> None:
        self.answer = b'{"choices": [{"message": {"role": "assistant", "content": "Morgen scheint die Sonne."}}]}'
        self.status = 200
        self.pause = 0.0
        self.asked: list[dict[str, Any]] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        self.asked.append({"head": head.decode(), **msgspec.json.decode(await reader.readexactly(length))})
        await asyncio.sleep(self.pause)
        writer.write(
            b"HTTP/1.1 %d X\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (self.status, len(self.answer))
        )
        writer.write(self.answer)
        writer.close()


@pytest_asyncio.fixture
async def model() -> AsyncIterator[Model]:
    model = Model()
    server = await asyncio.start_server(model.serve, "127.0.0.1", 0)
    model.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    yield model
    server.close()


@pytest.fixture
def bot(quiet_place: Place, quiet_database: Database) -> Callable[..., Any]:
    """Lets the timer of a conversation fire, with a model or without."""

    async def answer(visitor: httpx.AsyncClient, organization: Organization, model: Model | None = None) -> list[str]:
        settings: Any = quiet_place.settings("crm", "worker")
        if model is not None:
            settings = msgspec.structs.replace(settings, chat_endpoint_url=model.url, chat_endpoint_key="sk-test")
        session_id = msgspec.convert(visitor.headers["x-session-id"], type(new_id()))
        async with quiet_database.transaction(Context()) as tx:
            attempts = await tx.value(int, "SELECT attempts FROM crm.timers WHERE key = $1", session_id)
        due = Due(organization.id, "chat_reply", session_id, attempts or 0)
        await answer_visitor(Runtime(settings, quiet_database, utc_now), due)
        items = (await visitor.get(f"{CHAT}/messages")).json()["items"]
        return [each["text"] for each in items if each["author"] == "bot"]

    return answer


async def write(visitor: httpx.AsyncClient, *texts: str) -> None:
    for text in texts:
        assert (await visitor.post(f"{CHAT}/messages", json={"text": text})).status_code == 201


class TestRules:
    async def test_know_the_location_that_tenancy_announced(
        self, world: World, garage: Organization, open_chat: Any, bot: Any
    ) -> None:
        location = LocationChanged(
            location_id=new_id(),
            workshop_id=garage.workshops[0],
            name="Halle 1",
            address="Invalidenstraße 1",
            postal_code="10115",
            city="Berlin",
            federal_state="DE-BE",
            opening_hours=(OpeningHours(weekday=1, opens="07:30", closes="17:00"),),
            is_primary=True,
            is_active=True,
        )
        await world.tell(garage.id, location)
        visitor = await open_chat()
        await write(visitor, "Öffnungszeiten?")
        assert await bot(visitor, garage) == ["Unsere Öffnungszeiten:\nMo 07:30-17:00"]

    async def test_answer_each_message_once(self, garage: Organization, open_chat: Any, bot: Any) -> None:
        visitor = await open_chat()
        await write(visitor, "Hallo", "Quatsch")
        said = [WORDINGS["de"].unknown, WORDINGS["de"].greeting]
        assert await bot(visitor, garage) == said
        assert await bot(visitor, garage) == said
        await write(visitor, "Hallo")
        assert await bot(visitor, garage) == [WORDINGS["de"].greeting, *said]

    async def test_take_a_lead(self, staff: httpx.AsyncClient, garage: Organization, open_chat: Any, bot: Any) -> None:
        visitor = await open_chat(language="tr", page_url="https://mueller.example/tr")
        await write(visitor, "teklif", "Ayşe", "0176 5550001")
        await bot(visitor, garage)
        await write(visitor, "Fren", "hayır")
        assert (await bot(visitor, garage))[0] == WORDINGS["tr"].taken
        session = (await staff.get(f"/api/crm/v1/inbox/{visitor.headers['x-session-id']}")).json()
        lead = (await staff.get(f"/api/crm/v1/leads/{session['lead_id']}")).json()
        expected = ("widget", "Ayşe", "+491765550001", "Fren", None, "tr", "https://mueller.example/tr")
        names = ("source", "name", "phone", "request", "vehicle", "language", "source_url")
        assert tuple(lead[name] for name in names) == expected

    async def test_give_a_lead_to_whose_turn_it_is(
        self, staff: httpx.AsyncClient, garage: Organization, open_chat: Any, bot: Any
    ) -> None:
        owner = str(garage.member("owner").user_id)
        body = {"strategy": "fixed", "member_ids": [owner], "workshop_id": str(garage.workshops[0])}
        (await staff.post("/api/crm/v1/assignment-rules", json=body)).raise_for_status()
        visitor = await open_chat()
        await write(visitor, "Angebot", "Ayşe", "0176 5550002", "Bremsen", "nein")
        await bot(visitor, garage)
        session = (await staff.get(f"/api/crm/v1/inbox/{visitor.headers['x-session-id']}")).json()
        path = f"/api/crm/v1/leads/{session['lead_id']}"
        assert (await staff.get(path)).json()["assigned_to"] == owner
        (task,) = (await staff.get(f"{path}/follow-ups")).json()["items"]
        assert (task["title"], task["assigned_to"]) == ("Erstkontakt", owner)

    async def test_hand_over_and_are_silent_then(self, garage: Organization, open_chat: Any, bot: Any) -> None:
        visitor = await open_chat()
        await write(visitor, "Mitarbeiter bitte")
        assert await bot(visitor, garage) == [WORDINGS["de"].handed_over]
        await write(visitor, "Hallo?")
        assert await bot(visitor, garage) == [WORDINGS["de"].handed_over]


class TestEndpoint:
    async def test_answers_what_the_rules_do_not_know(
        self, garage: Organization, open_chat: Any, bot: Any, model: Model
    ) -> None:
        visitor = await open_chat()
        await write(visitor, "Hallo", "Wie wird das Wetter?")
        assert (await bot(visitor, garage, model))[0] == "Morgen scheint die Sonne."
        assert len(model.asked) == 1
        asked = model.asked[0]
        assert "authorization: bearer sk-test" in asked["head"].lower()
        assert [each["role"] for each in asked["messages"]] == ["system", "user", "user"]
        assert asked["messages"][-1]["content"] == "Wie wird das Wetter?"

    @pytest.mark.parametrize(
        ("status", "body"),
        [(500, b"{}"), (200, b'{"choices": []}'), (200, b"<html>"), (200, b"\xff\xfe"), (200, b'{"choices": 1}')],
    )
    async def test_falls_back_to_the_rules(
        self, garage: Organization, open_chat: Any, bot: Any, model: Model, status: int, body: bytes
    ) -> None:
        model.status, model.answer = status, body
        visitor = await open_chat()
        await write(visitor, "Wie wird das Wetter?")
        assert await bot(visitor, garage, model) == [WORDINGS["de"].unknown]

    async def test_is_waited_for_no_longer_than_it_may(
        self, garage: Organization, open_chat: Any, bot: Any, model: Model, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert endpoint.SECONDS == 5
        monkeypatch.setattr(endpoint, "SECONDS", 0.2)
        model.pause = 2
        visitor = await open_chat()
        await write(visitor, "Wie wird das Wetter?")
        async with asyncio.timeout(1.5):
            assert await bot(visitor, garage, model) == [WORDINGS["de"].unknown]

    async def test_is_asked_while_no_transaction_is_open(
        self, staff: httpx.AsyncClient, garage: Organization, open_chat: Any, bot: Any, model: Model
    ) -> None:
        """A member takes the conversation while the model thinks: nobody waits, and the model's answer is dropped."""
        model.pause = 0.5
        visitor = await open_chat()
        await write(visitor, "Wie wird das Wetter?")
        answering = asyncio.create_task(bot(visitor, garage, model))
        while not model.asked:
            await asyncio.sleep(0.01)
        path = f"/api/crm/v1/inbox/{visitor.headers['x-session-id']}"
        async with asyncio.timeout(0.4):
            assert (await staff.post(f"{path}/take")).status_code == 200
        assert await answering == []
