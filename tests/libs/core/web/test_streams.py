"""Streams: they keep no place, show signs of life, and end when they must."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from carbot_core.auth.principal import Principal
from carbot_core.clock import utc_now
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.ids import new_id
from carbot_core.web import streams, tickets
from carbot_core.web.admission import AT_ONCE
from carbot_core.web.edge import Edge
from carbot_core.web.streams import MISSED, Streams
from carbot_testing.event_source import EventSource
from carbot_testing.world import Organization

INBOX = "/api/crm/v1/inbox"


@pytest.fixture
def crm(edges: dict[str, Edge]) -> Edge:
    return edges["crm"]


@pytest.fixture
def hub(crm: Edge) -> Streams:
    found: Streams = crm.app.state.streams
    return found


@pytest.fixture
def opened(crm: Edge, owner: httpx.AsyncClient) -> Callable[[], Any]:
    """Opens a stream of the inbox."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[EventSource]:
        ticket = (await owner.post(f"{INBOX}/stream-tickets")).raise_for_status().json()["ticket"]
        async with EventSource.open(crm, f"{INBOX}/stream", ticket=ticket) as source:
            yield source

    return opened


class TestPlace:
    async def test_is_left_when_a_stream_begins(
        self, crm: Edge, hub: Streams, opened: Any, eventually: Callable[..., Any]
    ) -> None:
        async with opened(), opened():
            await eventually(lambda: hub.count == 2)
            assert crm._admission._places._value == AT_ONCE
        await eventually(lambda: hub.count == 0)
        assert crm._admission._places._value == AT_ONCE
        assert not hub._open

    async def test_is_refused_where_there_are_enough_streams(
        self, opened: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(streams, "MOST_STREAMS", 0)
        async with opened() as source:
            assert source.status == 503
            assert b"too_many_streams" in await source.body()


class TestLife:
    async def test_shows_itself(self, opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        assert streams.HEARTBEAT_SECONDS == 15
        monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.05)
        async with opened() as source:
            async with asyncio.timeout(2):
                assert await source._block() == "retry: 2000"
                assert await source._block() == ": still here"
                assert await source._block() == ": still here"

    async def test_outlasts_the_deadline_of_requests(
        self, hub: Streams, opened: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("carbot_core.web.edge.DEADLINE_SECONDS", 0.3)
        async with opened() as source:
            await asyncio.sleep(0.6)
            hub_stream = next(iter(next(iter(hub._open.values()))))
            hub_stream.signal(MISSED)
            assert await source.next() == ("missed", {})


class TestEnd:
    async def ended(self, source: EventSource) -> Any:
        name, content = await source.next()
        assert name == "end"
        with pytest.raises(EOFError):
            await source.next()
        return content["reason"]

    async def test_comes_when_the_process_stops(
        self, hub: Streams, opened: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with opened() as source:
            monkeypatch.setattr(hub, "_stopping", lambda: True)
            assert await self.ended(source) == "stopping"

    async def test_comes_when_the_token_expires(
        self, hub: Streams, opened: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with opened() as source:
            monkeypatch.setattr(hub, "_clock", lambda: utc_now() + timedelta(minutes=11))
            assert await self.ended(source) == "expired"

    async def test_comes_for_who_reads_too_slowly(
        self, hub: Streams, opened: Any, eventually: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(streams, "UNREAD", 3)
        async with opened() as source:
            await eventually(lambda: hub.count == 1)
            stream = next(iter(next(iter(hub._open.values()))))
            for _ in range(5):
                stream.signal(MISSED)
            assert await self.ended(source) == "slow"

    async def test_comes_even_if_nobody_takes_what_is_sent(
        self,
        crm: Edge,
        hub: Streams,
        owner: httpx.AsyncClient,
        eventually: Callable[..., Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(streams, "LAST_WORDS_SECONDS", 0.1)
        ticket = (await owner.post(f"{INBOX}/stream-tickets")).raise_for_status().json()["ticket"]
        async with EventSource.open(crm, f"{INBOX}/stream", room=1, ticket=ticket):
            await eventually(lambda: hub.count == 1)
            stream = next(iter(next(iter(hub._open.values()))))
            stream.end("revoked")
            await eventually(lambda: hub.count == 0, within=1)


class TestTicket:
    @pytest.fixture
    def database(self, api_databases: dict[str, Database]) -> Database:
        return api_databases["crm"]

    async def issued(self, database: Database, organization: Organization, now: datetime) -> str:
        async with database.transaction(Context(organization_id=organization.id)) as tx:
            return (await tickets.issue(tx, "inbox", self.principal(organization, now), None, now=now)).ticket

    def principal(self, organization: Organization, now: datetime) -> Any:
        return Principal(
            kind="user",
            id=new_id(),
            organization_id=organization.id,
            role="owner",
            scopes=frozenset({"crm.chat:read"}),
            workshops=None,
            session_id=new_id(),
            issued_at=now,
            expires_at=now + timedelta(minutes=10),
        )

    async def test_brings_back_whom_it_was_made_for(self, database: Database, organization: Organization) -> None:
        now = utc_now()
        principal = self.principal(organization, now)
        async with database.transaction(Context(organization_id=organization.id)) as tx:
            ticket = (await tickets.issue(tx, "inbox", principal, None, now=now)).ticket
        assert (await tickets.redeem(database, "inbox", ticket, now=now)).principal == principal

    async def test_is_good_for_half_a_minute(self, database: Database, organization: Organization) -> None:
        now = utc_now()
        ticket = await self.issued(database, organization, now)
        with pytest.raises(tickets.TicketNotValid):
            await tickets.redeem(database, "inbox", ticket, now=now + timedelta(seconds=30))

    async def test_is_used_by_one_of_many_at_once(self, database: Database, organization: Organization) -> None:
        now = utc_now()
        ticket = await self.issued(database, organization, now)
        attempts = [tickets.redeem(database, "inbox", ticket, now=now) for _ in range(8)]
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        assert sum(isinstance(each, tickets.Admitted) for each in outcomes) == 1

    async def test_is_stored_as_a_hash_and_forgotten(
        self,
        database: Database,
        worker_databases: dict[str, Database],
        organization: Organization,
        superuser: Any,
    ) -> None:
        ticket = await self.issued(database, organization, utc_now())
        rows = await superuser.fetch("SELECT t::text AS row FROM crm.stream_tickets t")
        assert rows
        assert not any(ticket.rpartition("_")[2] in each["row"] for each in rows)
        async with worker_databases["crm"].transaction(Context(organization_id=organization.id)) as tx:
            assert await tickets.forget(tx, before=utc_now() + timedelta(minutes=1)) >= 1


async def test_the_hub_tells_of_a_gap(hub: Streams, opened: Any) -> None:
    async with opened() as source:
        hub._reconnects -= 1
        assert await source.next() == ("missed", {})
