"""The broker is away: writes go on, and what waited is carried when it comes back."""

import asyncio
import gc
import os
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any
from uuid import uuid4

import httpx
import pytest

from carbot_core.consume import STALLED_SECONDS
from carbot_core.ids import new_id
from carbot_testing.issuer import Issuer
from carbot_testing.stage import Stage, lead_changed, recorder
from carbot_testing.world import Organization

OUTAGE_SECONDS = float(os.environ.get("CARBOT_TEST_OUTAGE_SECONDS", "4"))
NOTICED_SECONDS = 16.0
"""A frozen broker is noticed when it has left two pings of five seconds unanswered."""

type Eventually = Callable[..., Awaitable[Any]]


async def create_lead(owner: httpx.AsyncClient, organization: Organization) -> str:
    body = {
        "workshop_id": str(organization.workshops[0]),
        "source": "phone",
        "name": "Zoë Şahin",
        "email": f"{uuid4().hex}@example.org",
        "request": "Inspektion",
    }
    answer = await owner.post("/api/crm/v1/leads", json=body)
    assert answer.status_code == 201, answer.text
    lead_id: str = answer.json()["id"]
    return lead_id


class TestBrokerAway:
    # nats-py lets go of the sockets on which a frozen server did not answer, and leaves them to the collector.
    @pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
    @pytest.mark.parametrize("fault", ["killed", "frozen"])
    async def test_writes_go_on_and_the_backlog_drains(
        self, fault: str, stage: Stage, issuer: Issuer, eventually: Eventually
    ) -> None:
        organization = await stage.organization()

        async def all_heard() -> bool:
            return {str(each.aggregate_id) for each in await stage.heard(organization)} >= set(made)

        async with stage.api(organization, issuer) as owner, stage.worker(recorder()) as worker:
            made = [await create_lead(owner, organization)]
            await eventually(all_heard, within=10)

            (stage.nats.kill if fault == "killed" else stage.nats.pause)()
            began, slowest = monotonic(), 0.0
            try:
                while monotonic() - began < OUTAGE_SECONDS:
                    asked = monotonic()
                    made.append(await create_lead(owner, organization))
                    slowest = max(slowest, monotonic() - asked)
                    await asyncio.sleep(0.02)
                assert slowest < 2
                assert await stage.unpublished() == len(made) - 1
                assert (await owner.get("/health/ready")).status_code == 200
                dependencies = await owner.get("/health/dependencies")
                if fault == "killed" or OUTAGE_SECONDS > NOTICED_SECONDS:
                    assert (dependencies.status_code, dependencies.json()["broker"]) == (503, "down")
                stalled = ["consumer recorder"] if OUTAGE_SECONDS > STALLED_SECONDS + 3 else []
                assert worker.unready() == stalled
            finally:
                (stage.nats.start if fault == "killed" else stage.nats.resume)()

            await eventually(all_heard, within=10)
            assert await stage.unpublished() == 0
            heard = [each.event_id for each in await stage.heard(organization)]
            assert len(heard) == len(set(heard)) == len(made)
            await eventually(lambda: not worker.unready())
            assert (await owner.get("/health/dependencies")).json()["broker"] == "ok"
        gc.collect()


class TestConsumer:
    async def test_resumes_after_the_broker_was_killed(self, stage: Stage, eventually: Eventually) -> None:
        organization = await stage.organization()

        async def told() -> int:
            return len(await stage.heard(organization))

        async with stage.worker(recorder()):
            await announce(stage, organization)
            await eventually(told)
            stage.nats.kill()
            await asyncio.sleep(0.5)
            stage.nats.start()
            await stage.connected()
            await announce(stage, organization)
            await eventually(lambda: _at_least(told, 2), within=10)

    async def test_makes_its_durable_again(self, stage: Stage, eventually: Eventually) -> None:
        organization = await stage.organization()

        async def told() -> int:
            return len(await stage.heard(organization))

        async with stage.worker(recorder()):
            await announce(stage, organization)
            await eventually(told)
            assert await stage.stream.delete_consumer("CRM", recorder().durable)
            await announce(stage, organization)
            await eventually(lambda: _at_least(told, 2), within=10)
            assert await told() == 2, "what the new durable delivered again took effect again"

    async def test_begins_when_a_broker_that_was_away_at_its_start_comes(
        self, stage: Stage, eventually: Eventually
    ) -> None:
        organization = await stage.organization()
        stage.nats.stop()
        try:
            async with stage.worker(recorder()) as worker:
                assert worker.unready() == []
                await asyncio.sleep(1)
                stage.nats.start()
                await stage.connected()
                await announce(stage, organization)
                await eventually(lambda: stage.heard(organization), within=10)
        finally:
            stage.nats.start()


async def announce(stage: Stage, organization: Organization) -> None:
    """Publish a change of a lead that nobody stored: its consumer does not look."""
    await stage.publish(organization.id, lead_changed(new_id(), organization.workshops[0]))


async def _at_least(count: Callable[[], Awaitable[int]], wanted: int) -> bool:
    return await count() >= wanted
