"""The relay: every committed event, once, in the order of each aggregate's versions."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, cast
from uuid import UUID

import pytest
from nats.js.api import PubAck
from nats.js.client import JetStreamContext

from carbot_core import relay
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.errors import DatabaseUnavailable, Unavailable
from carbot_core.outbox_lanes import AUDIT
from carbot_core.outbox_lanes import EVENTS as EVENTS_LANE
from carbot_core.relay import Backlog, Relay
from carbot_testing.stage import Stage, change, recorder
from carbot_testing.world import Organization

WRITERS = 16
AGGREGATES = 40
EVENTS = 1200

type Eventually = Callable[..., Awaitable[Any]]


async def write(stage: Stage, organization: Organization, leads: list[UUID], written: set[tuple[UUID, int]]) -> None:
    """Change leads at random; some transactions dawdle before they commit, some never do."""
    chance = random.Random(f"{len(written)} {id(written)}")
    for _ in range(EVENTS // WRITERS):
        lead_id = chance.choice(leads)
        try:
            async with stage.api_database.transaction(Context(organization_id=organization.id)) as tx:
                version = await change(tx, organization, lead_id)
                if chance.random() < 0.1:
                    await asyncio.sleep(chance.random() / 50)
                give_up(chance.random() < 0.05)
        except DatabaseUnavailable:
            raise
        except Unavailable:
            # Given up, or somebody held the lead for too long: rolled back in both cases.
            continue
        written.add((lead_id, version))


def give_up(now: bool) -> None:
    if now:
        raise Unavailable


class TestOrder:
    async def test_holds_with_many_writers_two_relays_and_two_workers(
        self, stage: Stage, eventually: Eventually
    ) -> None:
        organization = await stage.organization()
        leads = [await stage.lead(organization) for _ in range(AGGREGATES)]
        written: set[tuple[UUID, int]] = set()

        async def all_heard() -> bool:
            await asyncio.sleep(0.1)
            return len(await stage.heard(organization)) >= len(written)

        async with stage.worker(recorder()), stage.worker(recorder()):
            await asyncio.gather(*(write(stage, organization, leads, written) for _ in range(WRITERS)))
            await eventually(all_heard, within=30)

        published = [
            (UUID(headers["aggregate"]), int(headers["aggregate-version"]))
            for message in await stage.published()
            if (headers := message.headers or {})["organization"] == str(organization.id)
        ]
        versions: dict[UUID, list[int]] = defaultdict(list)
        for lead_id, version in published:
            versions[lead_id].append(version)
        assert written == set(published), "an event was lost, or one that was rolled back was published"
        assert len(published) == len(written), "an event was published twice"
        assert all(each == sorted(each) for each in versions.values()), "a later version came before an earlier one"

        heard = [(each.aggregate_id, each.version) for each in await stage.heard(organization)]
        assert sorted(heard) == sorted(written), "an event took no effect, or took effect twice"
        assert await stage.mirror(organization) == {lead_id: max(each) for lead_id, each in versions.items()}
        assert len(written) > EVENTS * 0.8, "the test itself has become too small"


class TestLateCommit:
    async def test_is_not_skipped(self, stage: Stage) -> None:
        organization = await stage.organization()
        first, second = await stage.lead(organization), await stage.lead(organization)
        relay = stage.relay()
        await drain(relay)
        context = Context(organization_id=organization.id)
        async with stage.api_database.transaction(context) as late:
            await change(late, organization, first)
            async with stage.api_database.transaction(context) as early:
                await change(early, organization, second)
            assert await relay.carry() == 1
        assert await relay.carry() == 1
        assert [
            UUID((message.headers or {})["aggregate"])
            for message in await stage.published()
            if (message.headers or {})["organization"] == str(organization.id)
        ] == [second, first]


class Frozen:
    """A broker that does not answer until it is thawed: to its relay, time stands still inside the transaction."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.thawed = asyncio.Event()

    async def publish(self, *_: object, **__: object) -> PubAck:
        self.asked.set()
        await self.thawed.wait()
        return PubAck(stream="CRM", seq=1)


class TestFrozenLeader:
    async def test_loses_its_lock_and_another_carries_on(self, stage: Stage, eventually: Eventually) -> None:
        organization = await stage.organization()
        lead_id = await stage.lead(organization)
        await drain(stage.relay())
        async with stage.api_database.transaction(Context(organization_id=organization.id)) as tx:
            await change(tx, organization, lead_id)

        broker, other = Frozen(), stage.relay()
        frozen = asyncio.create_task(stage.relay(stream=cast("Any", broker)).carry())
        await broker.asked.wait()
        started = asyncio.get_running_loop().time()
        assert await other.carry() == 0, "two relays lead at once"
        await eventually(other.carry, within=6)
        assert 2.5 < asyncio.get_running_loop().time() - started < 5
        broker.thawed.set()
        with pytest.raises(Unavailable):
            await frozen
        assert await stage.unpublished() == 0


async def drain(relay: Relay) -> None:
    while await relay.carry():
        pass


class TestIdleWorker:
    async def test_asks_the_database_no_more_often_than_it_polls(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun: Counter[Database] = Counter()
        opened: list[Database] = []
        begin, initialise = Database._begin, Database.__init__

        def noting(self: Database, *arguments: Any) -> None:
            opened.append(self)
            initialise(self, *arguments)

        async def counting(self: Database, *arguments: Any, **options: Any) -> Any:
            begun[self] += 1
            return await begin(self, *arguments, **options)

        monkeypatch.setattr(Database, "__init__", noting)
        async with stage.worker(recorder()):
            await asyncio.sleep(0.5)
            monkeypatch.setattr(Database, "_begin", counting)
            await asyncio.sleep(1.5)
        # Workers of other tests may run in this process; what they ask is not counted here.
        assert len(opened) == 1
        assert 0 < begun[opened[0]] < 20


class Forgetful:
    """A broker that does not answer for some of the messages that it is given at once."""

    def __init__(self, stream: JetStreamContext, silent: set[int]) -> None:
        self._stream = stream
        self._silent = silent
        self._given = 0

    async def publish(self, *message: Any, **options: Any) -> PubAck:
        self._given += 1
        if self._given in self._silent:
            raise TimeoutError
        return await self._stream.publish(*message, **options)


class TestSilence:
    async def test_of_the_broker_ends_the_batch_where_it_began(self, stage: Stage) -> None:
        organization = await stage.organization()
        lead_id = await stage.lead(organization)
        await drain(stage.relay())
        async with stage.api_database.transaction(Context(organization_id=organization.id)) as tx:
            for _ in range(4):
                await change(tx, organization, lead_id)
        relay = stage.relay(stream=cast("Any", Forgetful(stage.stream, {3})))
        assert await relay.carry() == 2
        assert await stage.unpublished() == 2
        assert await stage.relay(stream=cast("Any", Forgetful(stage.stream, {1, 2}))).carry() == 0
        assert await stage.unpublished() == 2
        assert await stage.relay().carry() == 2
        versions = [
            int((message.headers or {})["aggregate-version"])
            for message in await stage.published()
            if (message.headers or {})["organization"] == str(organization.id)
        ]
        # The fourth was published before the third was known; its number says so, and it is there once.
        assert versions == [2, 3, 5, 4]


class TestWaking:
    async def test_is_heard_long_before_the_next_poll(
        self, stage: Stage, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def all_published() -> bool:
            return await stage.unpublished() == 0

        monkeypatch.setattr(relay, "POLL_SECONDS", 60)
        organization = await stage.organization()
        lead_id = await stage.lead(organization)
        one = stage.relay()
        running = asyncio.create_task(one.run())
        try:
            await eventually(all_published)
            for _ in range(3):
                await asyncio.sleep(0.1)
                async with stage.api_database.transaction(Context(organization_id=organization.id)) as tx:
                    await change(tx, organization, lead_id)
                one.wake()
                await eventually(all_published, within=3)
        finally:
            running.cancel()


class TestLane:
    def test_of_the_audit_is_that_of_events_on_another_table(self) -> None:
        assert (EVENTS_LANE.name, AUDIT.name) == ("events", "audit")
        assert AUDIT.lead == EVENTS_LANE.lead
        for statement in ("unpublished", "mark", "backlog"):
            expected = getattr(EVENTS_LANE, statement).replace("outbox", "audit_outbox")
            assert getattr(AUDIT, statement) == expected

    async def test_tells_how_much_waits_and_for_how_long(self, stage: Stage) -> None:
        organization = await stage.organization()
        lead_id = await stage.lead(organization)
        await drain(stage.relay())

        async def backlog() -> Backlog:
            async with stage.worker_database.transaction(Context(), read_only=True) as tx:
                return await tx.one(Backlog, EVENTS_LANE.backlog)

        assert await backlog() == Backlog(0, 0.0)
        async with stage.api_database.transaction(Context(organization_id=organization.id)) as tx:
            for _ in range(3):
                await change(tx, organization, lead_id)
        await asyncio.sleep(0.05)
        waiting = await backlog()
        assert waiting.depth == 3
        assert 0.04 < waiting.age < 30
        await stage.relay().measure()
        await drain(stage.relay())
        assert await backlog() == Backlog(0, 0.0)

    async def test_leaves_no_connection_with_its_own_patience(self, stage: Stage) -> None:
        await stage.relay().carry()
        look = "SELECT current_setting('idle_in_transaction_session_timeout')"
        found = await asyncio.gather(*(stage.worker_database.primary.fetchval(look) for _ in range(20)))
        assert "3s" not in found
