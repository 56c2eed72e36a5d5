"""When the database or the pooler is away: an honest answer in time, and no trace of it afterwards."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from sent_leads import LEADS, new_lead

from carbot_core.auth import revocations
from carbot_core.db import Database
from carbot_core.ids import OPERATOR
from carbot_testing.running import Place
from carbot_testing.world import Organization, World

type AtRest = Callable[[], Awaitable[None]]


async def burst(member: httpx.AsyncClient, organization: Organization, count: int) -> list[httpx.Response]:
    """Read and write at once."""
    reads = (member.get(LEADS, params={"limit": 1}) for _ in range(count))
    writes = (member.post(LEADS, json=new_lead(organization)) for _ in range(count))
    return await asyncio.gather(*reads, *writes)


async def until_well(member: httpx.AsyncClient, organization: Organization, within: float = 5) -> None:
    async with asyncio.timeout(within):
        while any(answer.status_code >= 500 for answer in await burst(member, organization, 4)):
            pass


async def pulse(place: Place) -> None:
    """Let crm hear of tenancy, as its worker would."""
    async with Database.connect(place.plane.dsn(place.database, "crm_worker")) as database:
        await World({"crm": database}).tell(OPERATOR, revocations.pulse(datetime.now(UTC)))


@pytest_asyncio.fixture
async def frozen_pooler(
    own_place: Place, member: httpx.AsyncClient, own_organization: Organization
) -> AsyncGenerator[None]:
    await burst(member, own_organization, 4)
    await pulse(own_place)
    own_place.plane.signal("pgbouncer", "STOP")
    yield
    own_place.plane.signal("pgbouncer", "CONT")


class TestFrozenPooler:
    async def test_is_503_in_time_for_everybody_and_then_forgotten(
        self,
        frozen_pooler: None,
        own_place: Place,
        member: httpx.AsyncClient,
        own_organization: Organization,
        at_rest: AtRest,
        monkeypatch: pytest.MonkeyPatch,
        eventually: Callable[..., Any],
    ) -> None:
        monkeypatch.setattr(revocations, "UNKNOWN_SECONDS", 1.5)
        started = perf_counter()
        answers = await burst(member, own_organization, 12)
        assert perf_counter() - started < 4.5
        for answer in answers:
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.headers["content-type"] == "application/problem+json"
        live = await member.get("/health/live")
        assert live.status_code == 200
        dependencies = await member.get("/health/dependencies")
        assert dependencies.status_code == 503
        assert (dependencies.json()["database"], dependencies.json()["revocations"]) == ("down", "down")
        assert (await member.get("/health/ready")).status_code == 200
        own_place.plane.signal("pgbouncer", "CONT")
        await until_well(member, own_organization)
        await at_rest()

        async def well() -> bool:
            await pulse(own_place)
            return (await member.get("/health/dependencies")).status_code == 200

        await eventually(well, within=20)


class TestKilledBackends:
    async def test_are_503_at_most_and_then_forgotten(
        self,
        member: httpx.AsyncClient,
        own_organization: Organization,
        own_superuser: asyncpg.Connection,
        at_rest: AtRest,
    ) -> None:
        await burst(member, own_organization, 4)
        killed = 0

        async def kill() -> None:
            nonlocal killed
            while killed <= 20:
                killed += await own_superuser.fetchval(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'crm_api'"
                )
                await asyncio.sleep(0.02)

        killing = asyncio.create_task(kill())
        answers = list[httpx.Response]()
        while not killing.done():
            answers += await burst(member, own_organization, 6)
        await killing
        failed = [answer for answer in answers if answer.status_code >= 400]
        assert failed
        assert {answer.status_code for answer in failed} == {503}
        assert {answer.headers["retry-after"] for answer in failed} == {"1"}
        await until_well(member, own_organization)
        await at_rest()
