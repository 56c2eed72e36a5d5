"""Conversations as visitors have them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from carbot_testing.event_source import EventSource
from carbot_testing.world import Organization, World, key_changed

CHAT = "/api/crm/v1/public/chat"
CONSENT = {"data_processing": True, "communication": False, "analytics": False, "text_version": "1"}


class TestOpen:
    @pytest.mark.parametrize(
        ("language", "word"),
        [("de", "künstliche Intelligenz"), ("en", "artificial"), ("tr", "yapay"), ("pl", "sztuczna")],
    )
    async def test_tells_that_a_machine_answers(
        self, page: Any, garage: Organization, language: str, word: str
    ) -> None:
        answer = await page(garage).post(f"{CHAT}/sessions", json={"language": language, "consent": CONSENT})
        assert answer.status_code == 201
        assert word in answer.json()["ai_notice"]

    async def test_is_refused_without_consent(self, page: Any, garage: Organization) -> None:
        consent = {**CONSENT, "data_processing": False}
        answer = await page(garage).post(f"{CHAT}/sessions", json={"consent": consent})
        assert (answer.status_code, answer.json()["code"]) == (422, "consent_missing")

    async def test_is_refused_from_a_foreign_origin(self, page: Any, garage: Organization) -> None:
        answer = await page(garage).post(
            f"{CHAT}/sessions", json={"consent": CONSENT}, headers={"origin": "https://evil.example"}
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")


class TestWrite:
    async def test_is_read_newest_first(self, open_chat: Any) -> None:
        visitor = await open_chat()
        for text in ("eins", "zwei", "drei"):
            assert (await visitor.post(f"{CHAT}/messages", json={"text": text})).status_code == 201
        first = (await visitor.get(f"{CHAT}/messages", params={"limit": 2})).json()
        second = (await visitor.get(f"{CHAT}/messages", params={"cursor": first["next_cursor"]})).json()
        said = [each["text"] for each in (*first["items"], *second["items"]) if each["author"] == "visitor"]
        assert said == ["drei", "zwei", "eins"]

    async def test_needs_the_conversations_own_token(self, open_chat: Any, page: Any, garage: Organization) -> None:
        visitor = await open_chat()
        without = await page(garage).post(f"{CHAT}/messages", json={"text": "Hallo"})
        assert (without.status_code, without.json()["code"]) == (401, "chat_session_not_valid")
        other = page(garage, workshop=1)
        other.headers["x-carbot-session"] = visitor.headers["x-carbot-session"]
        assert (await other.post(f"{CHAT}/messages", json={"text": "Hallo"})).status_code == 401
        other.headers["x-carbot-session"] = visitor.headers["x-carbot-session"][:-1] + "_"
        assert (await other.get(f"{CHAT}/messages")).status_code == 401

    async def test_is_refused_in_another_organization(self, open_chat: Any, page: Any, world: World) -> None:
        visitor = await open_chat()
        stranger = page(await world.organization())
        stranger.headers["x-carbot-session"] = visitor.headers["x-carbot-session"]
        assert (await stranger.get(f"{CHAT}/messages")).status_code == 401


class TestStream:
    async def ticket(self, visitor: httpx.AsyncClient) -> str:
        answer = await visitor.post(f"{CHAT}/stream-tickets")
        assert answer.status_code == 201, answer.text
        ticket: str = answer.json()["ticket"]
        return ticket

    async def test_brings_what_is_written(self, open_chat: Any, edges: Any, workers: None) -> None:
        visitor = await open_chat()
        ticket = await self.ticket(visitor)
        async with EventSource.open(edges["crm"], f"{CHAT}/stream", ticket=ticket) as source:
            assert (source.status, source.headers["content-type"]) == (200, "text/event-stream")
            await visitor.post(f"{CHAT}/messages", json={"text": "Hallo"})
            name, message = await source.next()
            assert (name, message["author"], message["text"]) == ("message", "visitor", "Hallo")
            name, message = await source.next()
            assert (name, message["author"]) == ("message", "bot")

    async def test_brings_nothing_of_other_conversations(self, open_chat: Any, edges: Any, workers: None) -> None:
        visitor, neighbour = await open_chat(), await open_chat()
        ticket = await self.ticket(visitor)
        async with EventSource.open(edges["crm"], f"{CHAT}/stream", ticket=ticket) as source:
            await neighbour.post(f"{CHAT}/messages", json={"text": "geheim"})
            await visitor.post(f"{CHAT}/messages", json={"text": "meins"})
            assert (await source.next())[1]["text"] == "meins"

    async def test_opens_once_for_a_ticket(self, open_chat: Any, edges: Any) -> None:
        ticket = await self.ticket(await open_chat())
        async with EventSource.open(edges["crm"], f"{CHAT}/stream", ticket=ticket) as source:
            assert source.status == 200
        async with EventSource.open(edges["crm"], f"{CHAT}/stream", ticket=ticket) as source:
            assert source.status == 401
            assert b"ticket_not_valid" in await source.body()

    async def test_is_not_opened_by_a_ticket_for_another_stream(self, open_chat: Any, edges: Any) -> None:
        ticket = await self.ticket(await open_chat())
        async with EventSource.open(edges["crm"], "/api/crm/v1/inbox/stream", ticket=ticket) as source:
            assert source.status == 401

    async def test_ends_when_the_key_is_revoked(
        self, world: World, open_chat: Any, edges: Any, revoke: Callable[..., Any]
    ) -> None:
        own = await world.organization()
        visitor = await open_chat(own)
        async with EventSource.open(edges["crm"], f"{CHAT}/stream", ticket=await self.ticket(visitor)) as source:
            await revoke(own, "api_key", own.keys[0].id)
            assert await source.next(within=10) == ("end", {"reason": "revoked"})
            with pytest.raises(EOFError):
                await source.next()
        await world.tell(own.id, key_changed(own.keys[0], own.workshops[0], revoked_at=datetime.now(UTC)), version=2)
        assert (await visitor.post(f"{CHAT}/stream-tickets")).status_code == 401
