"""The inbox as staff have it."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from carbot_testing.event_source import EventSource
from carbot_testing.plugin import Connect
from carbot_testing.world import Organization, World

CHAT = "/api/crm/v1/public/chat"
INBOX = "/api/crm/v1/inbox"


def path_of(visitor: httpx.AsyncClient) -> str:
    return f"{INBOX}/{visitor.headers['x-session-id']}"


@pytest.fixture
def owner(connect: Connect, garage: Organization) -> httpx.AsyncClient:
    return connect("crm", garage)


class TestList:
    async def test_begins_with_what_was_last_written(self, world: World, connect: Connect, open_chat: Any) -> None:
        organization = await world.organization()
        first, second = await open_chat(organization), await open_chat(organization)
        await second.post(f"{CHAT}/messages", json={"text": "zwei"})
        await first.post(f"{CHAT}/messages", json={"text": "eins"})
        items = (await connect("crm", organization).get(INBOX)).json()["items"]
        assert [(each["last_text"], each["last_author"]) for each in items] == [
            ("eins", "visitor"),
            ("zwei", "visitor"),
        ]

    async def test_goes_through_all_once(self, world: World, connect: Connect, open_chat: Any) -> None:
        organization = await world.organization()
        made = [(await open_chat(organization)).headers["x-session-id"] for _ in range(5)]
        owner, seen, cursor = connect("crm", organization), list[str](), ""
        while True:
            page = (await owner.get(INBOX, params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
            seen += [each["id"] for each in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == made[::-1]

    async def test_ends_at_the_own_workshop(self, connect: Connect, garage: Organization, open_chat: Any) -> None:
        other = await open_chat(workshop=1)
        advisor = connect("crm", garage, "service_advisor")
        assert other.headers["x-session-id"] not in (await advisor.get(INBOX)).text
        assert (await advisor.get(path_of(other))).status_code == 404

    async def test_is_filtered(self, owner: httpx.AsyncClient, garage: Organization, open_chat: Any) -> None:
        visitor = await open_chat()
        await owner.post(f"{path_of(visitor)}/take")
        mine = {"assigned_to": str(garage.member("owner").user_id), "status": "handed_over"}
        found = (await owner.get(INBOX, params={**mine, "workshop_id": str(garage.workshops[0])})).json()["items"]
        assert visitor.headers["x-session-id"] in [each["id"] for each in found]
        elsewhere = (await owner.get(INBOX, params={**mine, "workshop_id": str(garage.workshops[1])})).json()["items"]
        assert elsewhere == []


class TestSteps:
    async def test_from_the_bot_to_people_and_back(
        self, owner: httpx.AsyncClient, garage: Organization, open_chat: Any
    ) -> None:
        visitor = await open_chat()
        path = path_of(visitor)
        early = await owner.post(f"{path}/messages", json={"text": "Guten Tag"})
        assert (early.status_code, early.json()["code"], early.json()["allowed"]) == (
            409,
            "wrong_chat_step",
            ["assign", "close", "take"],
        )
        taken = (await owner.post(f"{path}/take")).json()
        assert (taken["status"], taken["assigned_to"]) == ("handed_over", str(garage.member("owner").user_id))
        answer = (await owner.post(f"{path}/messages", json={"text": "Guten Tag"})).json()
        assert (answer["author"], answer["author_id"]) == ("staff", taken["assigned_to"])
        seen = (await visitor.get(f"{CHAT}/messages")).json()["items"][0]
        assert (seen["author"], seen["text"], "author_id" in seen) == ("staff", "Guten Tag", False)
        back = (await owner.post(f"{path}/hand-back")).json()
        assert (back["status"], back["assigned_to"]) == ("open", None)
        assert (await owner.post(f"{path}/close")).json()["status"] == "closed"
        late = await visitor.post(f"{CHAT}/messages", json={"text": "Noch was"})
        assert (late.status_code, late.json()["code"]) == (409, "chat_session_closed")
        assert (await owner.post(f"{path}/take")).json()["allowed"] == []

    async def test_leave_a_conversation_to_the_colleague_who_took_it(
        self, owner: httpx.AsyncClient, connect: Connect, garage: Organization, open_chat: Any
    ) -> None:
        path = path_of(await open_chat())
        advisor = connect("crm", garage, "service_advisor")
        assert (await advisor.post(f"{path}/take")).status_code == 200
        refused = await owner.post(f"{path}/take")
        assert (refused.status_code, refused.json()["code"]) == (409, "chat_taken")
        mine = {"user_id": str(garage.member("owner").user_id)}
        assert (await owner.post(f"{path}/assign", json=mine)).json()["assigned_to"] == mine["user_id"]

    async def test_refuse_an_assignee_who_does_not_see_the_workshop(
        self, owner: httpx.AsyncClient, garage: Organization, open_chat: Any
    ) -> None:
        technician = {"user_id": str(garage.member("technician").user_id)}
        answer = await owner.post(f"{path_of(await open_chat())}/assign", json=technician)
        assert (answer.status_code, answer.json()["code"]) == (404, "chat_assignee_not_found")

    async def test_refuse_a_stale_revision(self, owner: httpx.AsyncClient, open_chat: Any) -> None:
        path = path_of(await open_chat())
        assert (await owner.post(f"{path}/take", headers={"if-match": '"7"'})).status_code == 412

    async def test_are_not_a_viewers(self, connect: Connect, garage: Organization, open_chat: Any) -> None:
        answer = await connect("crm", garage, "viewer").get(path_of(await open_chat()))
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")

    async def test_keep_the_bot_silent_until_it_is_handed_back(
        self, owner: httpx.AsyncClient, open_chat: Any, workers: None, eventually: Callable[..., Any]
    ) -> None:
        visitor = await open_chat()
        await owner.post(f"{path_of(visitor)}/take")
        await visitor.post(f"{CHAT}/messages", json={"text": "Öffnungszeiten?"})
        await owner.post(f"{path_of(visitor)}/hand-back")
        await visitor.post(f"{CHAT}/messages", json={"text": "Hallo"})

        async def answered() -> list[str]:
            items = (await visitor.get(f"{CHAT}/messages")).json()["items"]
            return [each["text"] for each in items if each["author"] == "bot"]

        assert len(await eventually(answered)) == 1


class TestStream:
    async def ticket(self, client: httpx.AsyncClient) -> str:
        ticket: str = (await client.post(f"{INBOX}/stream-tickets")).raise_for_status().json()["ticket"]
        return ticket

    async def test_brings_messages_and_changes(
        self, owner: httpx.AsyncClient, open_chat: Any, edges: Any, workers: None
    ) -> None:
        async with EventSource.open(edges["crm"], f"{INBOX}/stream", ticket=await self.ticket(owner)) as source:
            visitor = await open_chat()
            session_id = visitor.headers["x-session-id"]

            async def own() -> tuple[str, Any]:
                while True:
                    name, content = await source.next()
                    if content.get("session_id", content.get("id")) == session_id:
                        return name, content

            name, session = await own()
            assert (name, session["status"]) == ("session", "open")
            await visitor.post(f"{CHAT}/messages", json={"text": "Hallo"})
            name, message = await own()
            assert (name, message["text"]) == ("message", "Hallo")
            assert (await own())[1]["author"] == "bot"
            await owner.post(f"{path_of(visitor)}/take")
            name, session = await own()
            assert (name, session["status"]) == ("session", "handed_over")

    async def test_shows_nothing_of_other_workshops(
        self, connect: Connect, garage: Organization, open_chat: Any, edges: Any, workers: None
    ) -> None:
        ticket = await self.ticket(connect("crm", garage, "service_advisor"))
        async with EventSource.open(edges["crm"], f"{INBOX}/stream", ticket=ticket) as source:
            await open_chat(workshop=1)
            own = await open_chat(workshop=0)
            assert (await source.next())[1]["id"] == own.headers["x-session-id"]

    async def test_shows_nothing_of_other_organizations(
        self, world: World, connect: Connect, open_chat: Any, edges: Any, workers: None
    ) -> None:
        ours, theirs = await world.organization(), await world.organization()
        ticket = await self.ticket(connect("crm", ours))
        async with EventSource.open(edges["crm"], f"{INBOX}/stream", ticket=ticket) as source:
            await open_chat(theirs)
            own = await open_chat(ours)
            assert (await source.next())[1]["id"] == own.headers["x-session-id"]

    async def test_ends_when_the_member_is_revoked(
        self, world: World, connect: Connect, edges: Any, revoke: Callable[..., Any]
    ) -> None:
        organization = await world.organization()
        ticket = await self.ticket(connect("crm", organization))
        unused = await self.ticket(connect("crm", organization))
        async with EventSource.open(edges["crm"], f"{INBOX}/stream", ticket=ticket) as source:
            await revoke(organization, "member", organization.members[0].user_id)
            assert await source.next(within=10) == ("end", {"reason": "revoked"})
        async with EventSource.open(edges["crm"], f"{INBOX}/stream", ticket=unused) as source:
            assert source.status == 401
