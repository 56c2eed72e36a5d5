"""Training a scoring model as a workshop's owner sees it."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from carbot_testing.plugin import Connect
from carbot_testing.world import Organization, World

LEADS = "/api/crm/v1/leads"
SCORING = "/api/crm/v1/lead-scoring"
PROMISING = "Dringend, Bremsen kaputt! Was kostet das, und wann haben Sie einen Termin?"
DULL = "Hallo"

pytestmark = pytest.mark.usefixtures("workers")


@pytest_asyncio.fixture
async def organization(world: World) -> Organization:
    return await world.organization(workshops=1, members=(("owner", None),))


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


async def lead(client: httpx.AsyncClient, organization: Organization, request: str) -> dict[str, Any]:
    body = {
        "workshop_id": str(organization.workshops[0]),
        "source": "phone",
        "name": "Jörg Müller",
        "phone": f"0176 {uuid4().int % 10**7:07d}",
        "request": request,
    }
    made: dict[str, Any] = (await client.post(LEADS, json=body)).raise_for_status().json()
    return made


async def end(client: httpx.AsyncClient, organization: Organization, request: str, *, won: bool) -> None:
    made = await lead(client, organization, request)
    headers = {"if-match": f'"{made["revision"]}"'}
    path, body = ("convert", {}) if won else ("lose", {"reason": "price"})
    (await client.post(f"{LEADS}/{made['id']}/{path}", json=body, headers=headers)).raise_for_status()


async def trained(client: httpx.AsyncClient, eventually: Callable[..., Any]) -> dict[str, Any]:
    begun = (await client.post(f"{SCORING}/trainings", json={"name": "Gelernt"})).raise_for_status().json()
    assert begun["state"] == "running"

    async def ended() -> Any:
        shown = (await client.get(f"{SCORING}/trainings/{begun['id']}")).json()
        return None if shown["state"] == "running" else shown

    shown: dict[str, Any] = await eventually(ended, within=60)
    return shown


class TestTraining:
    async def test_drafts_a_model_that_tells_who_will_be_won(
        self, owner: httpx.AsyncClient, organization: Organization, eventually: Callable[..., Any]
    ) -> None:
        few = asyncio.Semaphore(8)

        async def one(number: int) -> None:
            won = number % 2 == 0
            # One in ten ends otherwise than it looked.
            request = PROMISING if won != (number % 10 == 0) else DULL
            async with few:
                await end(owner, organization, request, won=won)

        await asyncio.gather(*(one(number) for number in range(110)))
        training = await trained(owner, eventually)
        assert (training["state"], training["failure"]) == ("done", None)
        assert (training["leads"], training["converted"]) == (110, 55)
        assert 0.7 < training["quality"] < 1
        (model,) = (await owner.get(f"{SCORING}/models")).json()["items"]
        assert (model["id"], model["kind"], model["name"]) == (training["model_id"], "logistic", "Gelernt")
        assert model["status"] == "draft"
        (await owner.post(f"{SCORING}/models/{model['id']}/activate")).raise_for_status()
        assert (await lead(owner, organization, PROMISING))["lead_score"] > 60
        assert (await lead(owner, organization, DULL))["lead_score"] < 40

    async def test_of_too_few_leads_fails_and_says_so(
        self, owner: httpx.AsyncClient, organization: Organization, eventually: Callable[..., Any]
    ) -> None:
        await end(owner, organization, PROMISING, won=True)
        training = await trained(owner, eventually)
        assert (training["state"], training["failure"], training["model_id"]) == ("failed", "too_few_leads", None)
        assert (training["leads"], training["converted"]) == (1, 1)
        assert (await trained(owner, eventually))["state"] == "failed", "the next may begin"

    async def test_of_another_organization_is_not_found(
        self, owner: httpx.AsyncClient, world: World, connect: Connect, eventually: Callable[..., Any]
    ) -> None:
        training = await trained(owner, eventually)
        stranger = connect("crm", await world.organization())
        assert (await stranger.get(f"{SCORING}/trainings/{training['id']}")).status_code == 404
