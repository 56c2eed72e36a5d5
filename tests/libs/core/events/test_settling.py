"""What a consumer does with messages when the database is away, or when one of many cannot take effect."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio
from nats.js.api import AckPolicy

from carbot_core import consume
from carbot_core.clock import utc_now
from carbot_core.consume import Consumption, Unreadable, read_envelope
from carbot_core.db import Database
from carbot_core.ids import new_id
from carbot_testing.stage import TRACEPARENT, Stage, envelope_headers, lead_changed, recorder
from carbot_testing.world import Organization


class Message:
    """A message that notes what the broker would be told."""

    def __init__(self, subject: str, body: bytes, headers: dict[str, str] | None, delivered: int = 1) -> None:
        self.subject = subject
        self.data = body
        self.headers = headers
        self.metadata = SimpleNamespace(num_delivered=delivered)
        self.told: list[str] = []
        self.pauses: list[float] = []

    async def ack(self) -> None:
        self.told.append("ack")

    async def nak(self, *, delay: float) -> None:
        self.told.append("nak")
        self.pauses.append(delay)

    async def term(self) -> None:
        self.told.append("term")


def message(organization: Organization, event_id: UUID | None = None, *, body: bytes | None = None) -> Message:
    event = lead_changed(new_id(), organization.workshops[0])
    headers = envelope_headers(organization.id, event_id or new_id(), event.lead_id, 1)
    return Message(event.subject, msgspec.json.encode(event) if body is None else body, headers)


def consumption(stage: Stage, database: Database | None = None) -> Consumption:
    return Consumption(recorder(), database or stage.worker_database, stage.stream, utc_now)


async def handle(running: Consumption, messages: list[Message]) -> list[list[str]]:
    await running._handle_all(cast("Any", messages))
    return [each.told for each in messages]


@pytest_asyncio.fixture
async def away(stage: Stage) -> AsyncGenerator[Database]:
    """A database that cannot answer."""
    async with Database.connect(stage.place.plane.dsn(stage.place.database, "crm_worker")) as database:
        database.primary.terminate()
        yield database


class TestTogether:
    async def test_each_takes_effect_and_is_acknowledged_once(self, stage: Stage) -> None:
        organizations = [await stage.organization() for _ in range(3)]
        messages = [message(organization) for organization in organizations for _ in range(30)]
        assert await handle(consumption(stage), messages) == [["ack"]] * 90
        for organization in organizations:
            assert len(await stage.heard(organization)) == 30

    async def test_one_that_is_dead_holds_up_no_other(self, stage: Stage) -> None:
        organization = await stage.organization()
        messages = [message(organization), message(organization, body=b"{"), message(organization)]
        assert await handle(consumption(stage), messages) == [["ack"], ["term"], ["ack"]]
        assert len(await stage.heard(organization)) == 2

    async def test_one_that_came_before_is_acknowledged_again(self, stage: Stage) -> None:
        organization = await stage.organization()
        first = message(organization)
        assert await handle(consumption(stage), [first]) == [["ack"]]
        assert await handle(consumption(stage), [first]) == [["ack", "ack"]]
        assert await handle(consumption(stage), [first, message(organization)]) == [["ack"] * 3, ["ack"]]
        assert len(await stage.heard(organization)) == 2

    async def test_one_without_headers_is_dead(self, stage: Stage) -> None:
        organization = await stage.organization()
        bare = Message("crm.lead.changed.v1", b"bare", None)
        assert await handle(consumption(stage), [bare, message(organization)]) == [["term"], ["ack"]]
        letters = [each for each in await stage.dead_letters() if each.body == b"bare"]
        assert [(each.error, each.headers) for each in letters] == [("Unreadable", {})]


class TestDatabaseAway:
    @pytest.mark.parametrize("count", [1, 3])
    async def test_postpones_each_once_and_buries_none(self, stage: Stage, away: Database, count: int) -> None:
        organization = await stage.organization()
        messages = [message(organization) for _ in range(count)]
        assert await handle(consumption(stage, away), messages) == [["nak"]] * count

    async def test_postpones_also_what_would_be_dead(self, stage: Stage, away: Database) -> None:
        organization = await stage.organization()
        assert await handle(consumption(stage, away), [message(organization, body=b"{")]) == [["nak"]]

    async def test_postpones_for_longer_each_time_and_never_for_ever(self, stage: Stage, away: Database) -> None:
        organization = await stage.organization()
        for delivered, pause in ((1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (500, 60.0)):
            pauses = list[float]()
            for _ in range(40):
                late = message(organization)
                late.metadata.num_delivered = delivered
                await consumption(stage, away)._postpone(cast("Any", late), OSError())
                pauses += late.pauses
            assert pause * 0.5 <= min(pauses) < pause < max(pauses) <= pause * 1.5


class TestDurable:
    def test_is_delivered_for_ever_until_each_is_acknowledged(self) -> None:
        config = recorder().config()
        assert (config.max_deliver, config.ack_policy) == (-1, AckPolicy.EXPLICIT)
        assert config.ack_wait == consume.ACK_WAIT_SECONDS
        assert config.max_ack_pending is not None
        assert config.max_ack_pending >= consume.BATCH * consume.CONCURRENCY

    async def test_learns_of_the_subjects_that_its_consumer_takes_now(self, stage: Stage) -> None:
        consumer = recorder("latecomer")
        narrow = consumer.config()
        narrow.filter_subjects = [consumer.subjects[0]]
        await stage.stream.add_consumer(consumer.stream, narrow)
        running = Consumption(consumer, stage.worker_database, stage.stream, utc_now)
        await running._ensure()
        info = await stage.stream.consumer_info(consumer.stream, consumer.durable)
        assert set(info.config.filter_subjects or []) == set(consumer.subjects)

    async def test_that_was_not_seen_for_long_is_stalled(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 1000.0
        monkeypatch.setattr(consume, "monotonic", lambda: now)
        running = consumption(stage)
        now += consume.STALLED_SECONDS - 1
        assert not running.stalled
        now += 2
        assert running.stalled
        await running._ensure()
        assert not running.stalled

    async def test_is_not_stalled_while_it_has_nothing_to_do(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(consume, "FETCH_SECONDS", 0.1)
        monkeypatch.setattr(consume, "CHECK_SECONDS", 0.1)
        monkeypatch.setattr(consume, "STALLED_SECONDS", 1.5)
        async with stage.worker(recorder()) as health:
            await asyncio.sleep(3)
            assert health.conditions["consumer recorder"]()


class TestEnvelope:
    def test_says_what_the_headers_say(self) -> None:
        organization, event, aggregate = new_id(), new_id(), new_id()
        headers = envelope_headers(organization, event, aggregate, 7)
        envelope = read_envelope("crm.lead.changed.v1", {**headers, "seal-key": "k"})
        assert (envelope.event_id, envelope.organization_id, envelope.aggregate_id) == (event, organization, aggregate)
        assert (envelope.version, envelope.traceparent, envelope.seal_key) == (7, TRACEPARENT, "k")
        assert datetime.now(UTC) - envelope.occurred_at < timedelta(minutes=1)
        for name in ("ce-id", "organization", "aggregate", "aggregate-version", "ce-time"):
            with pytest.raises(Unreadable):
                read_envelope("crm.lead.changed.v1", {key: value for key, value in headers.items() if key != name})


class TestDeadLetter:
    async def test_that_dies_again_after_a_replay_waits_again(self, stage: Stage) -> None:
        organization, event_id = await stage.organization(), new_id()
        broken = message(organization, event_id, body=b"{")
        running = consumption(stage)
        await handle(running, [broken])
        await stage.as_owner(
            f"UPDATE crm.dead_letters SET replayed_at = now(), error = 'x' WHERE event_id = '{event_id}'"
        )
        await handle(running, [broken])
        letters = [each for each in await stage.dead_letters() if each.event_id == event_id]
        assert [(each.replayed_at, each.error) for each in letters] == [(None, "Unreadable")]

    async def test_is_listed_with_the_youngest_first(self, stage: Stage) -> None:
        organization = await stage.organization()
        ids = [new_id() for _ in range(3)]
        for event_id in ids:
            await handle(consumption(stage), [message(organization, event_id, body=b"{")])
        found = [each.event_id for each in await stage.dead_letters() if each.event_id in ids]
        assert found == ids[::-1]

    async def test_keeps_a_header_that_cannot_be_stored_as_it_is(self, stage: Stage) -> None:
        organization, event_id = await stage.organization(), new_id()
        broken = message(organization, event_id, body=b"{")
        assert broken.headers is not None
        broken.headers["odd"] = "a\0\udcffb"
        assert await handle(consumption(stage), [broken]) == [["term"]]
        [letter] = [each for each in await stage.dead_letters() if each.event_id == event_id]
        assert letter.headers["odd"] == "a\N{REPLACEMENT CHARACTER}?b"
