"""Who wrote reads what it wrote, also where a route may read from a replica."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import perf_counter

import asyncpg
import httpx
import pytest
import pytest_asyncio
from probe_routes import PROBES
from sent_leads import LEADS, new_lead

from carbot_testing.running import Place
from carbot_testing.world import Organization

PAIRS = 200
TOKEN = "carbot-consistency"


async def write(member: httpx.AsyncClient, organization: Organization, name: str = "A") -> tuple[str, str]:
    """Make a lead; return its id and the position of the write."""
    answer = await member.post(LEADS, json=new_lead(organization, name=name))
    assert answer.status_code == 201
    return answer.json()["id"], answer.headers[TOKEN]


async def read(member: httpx.AsyncClient, lead_id: str, token: str | None) -> tuple[bool, str | None]:
    """Read a lead where staleness is borne; tell whether a replica answered, and the name."""
    headers = {} if token is None else {TOKEN: token}
    answer = await member.get(f"{PROBES}/leads/{lead_id}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert TOKEN not in answer.headers
    return answer.json()["replica"], answer.json()["name"]


@pytest_asyncio.fixture
async def behind(own_place: Place) -> AsyncGenerator[None]:
    """The replica answers and replays nothing."""
    await own_place.plane.wait_for_replica()
    await own_place.plane.pause_replica()
    yield
    await own_place.plane.resume_replica()
    await own_place.plane.wait_for_replica()


@asynccontextmanager
async def frozen_backends(place: Place, role: str) -> AsyncGenerator[None]:
    """Freeze the replica's connections of a role."""
    replica = await asyncpg.connect(place.plane.dsn_superuser(place.database, replica=True))
    pids = [row["pid"] for row in await replica.fetch("SELECT pid FROM pg_stat_activity WHERE usename = $1", role)]
    await replica.close()
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


class TestReplica:
    async def test_never_gives_the_writer_anything_stale(
        self, member: httpx.AsyncClient, own_organization: Organization
    ) -> None:
        few, replicas = asyncio.Semaphore(6), 0

        async def pair(number: int) -> None:
            nonlocal replicas
            async with few:
                lead_id, token = await write(member, own_organization, f"first {number}")
                from_replica, name = await read(member, lead_id, token)
                assert name == f"first {number}"
                replicas += from_replica

        await asyncio.gather(*(pair(number) for number in range(PAIRS)))
        assert replicas > PAIRS / 4, "the primary answered nearly everything: the run proves little"

    async def test_answers_whoever_has_seen_less(
        self, member: httpx.AsyncClient, own_organization: Organization, own_place: Place
    ) -> None:
        lead_id, token = await write(member, own_organization)
        await own_place.plane.wait_for_replica()
        assert await read(member, lead_id, token) == (True, "A")
        assert await read(member, lead_id, "0/0") == (True, "A")

    async def test_is_left_for_the_primary_when_it_is_behind(
        self, member: httpx.AsyncClient, own_organization: Organization, behind: None
    ) -> None:
        lead_id, token = await write(member, own_organization)
        started = perf_counter()
        assert await read(member, lead_id, token) == (False, "A")
        assert 0.045 < perf_counter() - started < 1
        assert await read(member, lead_id, "0/0") == (True, None)

    async def test_is_left_for_the_primary_when_it_is_frozen(
        self, member: httpx.AsyncClient, own_organization: Organization, own_place: Place
    ) -> None:
        lead_id, token = await write(member, own_organization)
        await own_place.plane.wait_for_replica()
        assert (await read(member, lead_id, token))[0]
        async with frozen_backends(own_place, "crm_api"):
            started = perf_counter()
            assert await read(member, lead_id, token) == (False, "A")
            assert perf_counter() - started < 1.5
        await own_place.plane.wait_for_replica()
        assert (await read(member, lead_id, token))[0]


class TestToken:
    async def test_is_answered_to_every_write_and_grows(
        self, member: httpx.AsyncClient, own_organization: Organization
    ) -> None:
        lead_id, first = await write(member, own_organization)
        answer = await member.patch(f"{LEADS}/{lead_id}", json={"priority": 1}, headers={"if-match": '"1"'})
        high, low = (int(part, 16) for part in first.split("/"))
        later_high, later_low = (int(part, 16) for part in answer.headers[TOKEN].split("/"))
        assert (later_high, later_low) > (high, low)
        refused = await member.patch(f"{LEADS}/{lead_id}", json={"priority": 1}, headers={"if-match": '"1"'})
        assert TOKEN not in refused.headers

    @pytest.mark.parametrize(
        "token",
        [
            None,
            "",
            "x",
            "0",
            "/",
            "0/",
            "/0",
            "0/0/0",
            "0/G",
            "-1/0",
            "0x1/0",
            "000000001/0",
            "0/000000001",
            "1 /0",
            "٠/٠",
            "0/0'::pg_lsn); DROP TABLE crm.leads; --",
            "a" * 5000,
        ],
    )
    async def test_that_is_none_leads_to_the_primary(
        self, member: httpx.AsyncClient, own_organization: Organization, token: str | None
    ) -> None:
        lead_id, _ = await write(member, own_organization)
        headers = [] if token is None else [(TOKEN.encode(), token.encode())]
        answer = await member.get(f"{PROBES}/leads/{lead_id}", headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"replica": False, "name": "A"})

    async def test_from_the_future_leads_to_the_primary(
        self, member: httpx.AsyncClient, own_organization: Organization
    ) -> None:
        lead_id, _ = await write(member, own_organization)
        assert await read(member, lead_id, "FFFFFFFF/FFFFFFFF") == (False, "A")

    async def test_is_nothing_to_a_route_that_bears_no_staleness(
        self, member: httpx.AsyncClient, own_organization: Organization, behind: None
    ) -> None:
        lead_id, _ = await write(member, own_organization, "fresh")
        answer = await member.get(f"{LEADS}/{lead_id}", headers={TOKEN: "0/0"})
        assert answer.json()["name"] == "fresh"
