"""More than a process can do: some wait a moment, the rest is refused at once, and probes are always answered."""

from collections.abc import AsyncIterator
from time import perf_counter

import httpx
import pytest
import pytest_asyncio
from sent_leads import LEADS

from carbot_core.web import admission
from carbot_core.web.admission import AT_ONCE, WAIT_SECONDS, WAITING, Admission, Place
from carbot_core.web.edge import Edge


@pytest_asyncio.fixture
async def places(probed: Edge) -> AsyncIterator[list[Place]]:
    """Every place, taken."""
    taken = [await probed._admission.enter() for _ in range(AT_ONCE)]
    yield taken
    for place in taken:
        place.leave()


class TestOverload:
    async def test_refuses_whoever_has_waited_for_long(self, places: list[Place], member: httpx.AsyncClient) -> None:
        started = perf_counter()
        answer = await member.get(LEADS)
        assert perf_counter() - started == pytest.approx(WAIT_SECONDS, abs=0.5)
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "overloaded", "1")
        assert answer.headers["content-type"] == "application/problem+json"
        assert (await member.get("/health/ready")).status_code == 200
        places.pop().leave()
        assert (await member.get(LEADS)).status_code == 200

    async def test_refuses_at_once_when_enough_wait(
        self, probed: Edge, places: list[Place], member: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(probed._admission, "_waiting", WAITING)
        started = perf_counter()
        answer = await member.get(LEADS)
        assert perf_counter() - started < WAIT_SECONDS / 2
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "overloaded", "1")
        assert (await member.get("/.well-known/jwks.json")).status_code == 404
        assert (await member.get("/metrics")).status_code == 200

    async def test_frees_a_place_however_a_request_ends(self, probed: Edge, member: httpx.AsyncClient) -> None:
        for path in (LEADS, f"{LEADS}/x", "/nowhere"):
            await member.get(path)
        assert probed._admission._places._value == AT_ONCE


class TestEnter:
    async def test_is_refused_after_a_while(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(admission, "WAIT_SECONDS", 0.01)
        entrance = Admission()
        places = [await entrance.enter() for _ in range(AT_ONCE)]
        with pytest.raises(admission.Overloaded):
            await entrance.enter()
        places[0].leave()
        places[0].leave()
        await entrance.enter()
        with pytest.raises(admission.Overloaded):
            await entrance.enter()
        assert not entrance.full
