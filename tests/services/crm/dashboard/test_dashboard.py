"""The lead dashboard as a workshop's staff see it."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
import pytest_asyncio

from carbot_testing.plugin import Connect
from carbot_testing.world import Organization, World

DASHBOARD = "/api/crm/v1/dashboard/leads"
LEADS = "/api/crm/v1/leads"


@pytest_asyncio.fixture
async def organization(world: World) -> Organization:
    return await world.organization(workshops=2, members=(("owner", None), ("service_advisor", (1,))))


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


async def lead(client: httpx.AsyncClient, workshop: Any, **changes: Any) -> str:
    body = {"workshop_id": str(workshop), "source": "phone", "name": "A", "phone": f"0176 {uuid4().int % 10**7:07d}"}
    answer = await client.post(LEADS, json={**body, "request": "Hallo", **changes})
    assert answer.status_code == 201, answer.text
    lead_id: str = answer.json()["id"]
    return lead_id


async def test_counts_what_came_in(owner: httpx.AsyncClient, organization: Organization) -> None:
    here, there = organization.workshops
    promising = "Dringend, Bremsen kaputt! Bitte um einen Termin heute, was kostet das für meinen VW Golf?"
    hot = await lead(owner, here, request=promising, name="Jörg Müller", vehicle="VW Golf", source="walk_in")
    await owner.post(f"{LEADS}/{hot}/contact", json={})
    won = await lead(owner, here)
    assert (await owner.post(f"{LEADS}/{won}/convert", json={})).status_code == 200
    await lead(owner, here)
    await lead(owner, there)
    board = (await owner.get(DASHBOARD, params={"workshop_id": str(here), "days": 7})).json()
    assert (board["leads"], board["today"], board["converted"], board["conversion_rate"]) == (3, 3, 1, 0.3333)
    assert board["by_status"] == {"contacted": 1, "converted": 1, "new": 1}
    assert board["by_source"] == {"phone": 2, "walk_in": 1}
    assert sum(board["by_score"].values()) == sum(board["by_classification"].values()) == 3
    assert [each["id"] for each in board["hot"]] == [hot]
    assert (board["answered_within_hour"], board["unanswered"]) == (1, 1)
    assert 0 <= board["median_response_minutes"] < 1
    days = board["by_day"]
    assert len(days) == 7
    assert days[-1] == {
        "day": str(datetime.now(UTC).astimezone(ZoneInfo("Europe/Berlin")).date()),
        "leads": 3,
        "converted": 1,
    }
    assert all(day["leads"] == 0 for day in days[:-1])


async def test_of_a_quiet_workshop_is_empty(owner: httpx.AsyncClient, organization: Organization) -> None:
    board = (await owner.get(DASHBOARD, params={"workshop_id": str(organization.workshops[0])})).json()
    assert (board["days"], board["leads"], board["conversion_rate"], board["average_score"]) == (30, 0, 0, 0)
    assert (board["median_response_minutes"], board["hot"], board["by_status"]) == (None, [], {})


async def test_of_another_workshop_is_not_there(connect: Connect, organization: Organization) -> None:
    advisor = connect("crm", organization, "service_advisor")
    answer = await advisor.get(DASHBOARD, params={"workshop_id": str(organization.workshops[0])})
    assert (answer.status_code, answer.json()["code"]) == (404, "workshop_not_found")
