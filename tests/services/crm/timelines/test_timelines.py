"""What happened with a customer and with a vehicle, as a workshop's staff see it."""

from typing import Any

import httpx
import pytest
import pytest_asyncio

from carbot_core.clock import utc_now
from carbot_testing.plugin import Connect
from carbot_testing.world import Organization, World

CRM = "/api/crm/v1"


@pytest_asyncio.fixture(scope="module")
async def organization(world: World) -> Organization:
    return await world.organization()


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


async def made(client: httpx.AsyncClient, path: str, **body: Any) -> str:
    answer = await client.post(f"{CRM}/{path}", json=body)
    assert answer.status_code == 201, answer.text
    made_id: str = answer.json()["id"]
    return made_id


async def note(client: httpx.AsyncClient, customer: str) -> str:
    return await made(client, f"customers/{customer}/touchpoints", direction="inbound", channel="phone", body="Ruft an")


async def timeline(client: httpx.AsyncClient, path: str, **params: Any) -> list[dict[str, Any]]:
    """Return the entries of all pages."""
    entries: list[dict[str, Any]] = []
    while True:
        page = (await client.get(f"{CRM}/{path}/timeline", params=params)).raise_for_status().json()
        entries += page["items"]
        if page["next_cursor"] is None:
            return entries
        params["cursor"] = page["next_cursor"]


class TestOfCustomer:
    async def test_is_newest_first_and_the_same_in_pages_of_any_size(self, owner: httpx.AsyncClient) -> None:
        customer = await made(owner, "customers", last_name="Demir")
        notes = [await note(owner, customer) for _ in range(3)]
        whole = await timeline(owner, f"customers/{customer}")
        assert [each["id"] for each in whole] == notes[::-1]
        assert (whole[0]["kind"], whole[0]["what"], whole[0]["status"]) == ("communication", "phone", "recorded")
        assert await timeline(owner, f"customers/{customer}", limit=1) == whole

    async def test_says_nothing_of_what_was_said(self, owner: httpx.AsyncClient) -> None:
        customer = await made(owner, "customers", last_name="Demir")
        await note(owner, customer)
        assert "Ruft an" not in (await owner.get(f"{CRM}/customers/{customer}/timeline")).text


class TestOfVehicle:
    async def test_keeps_works_and_forgets_the_former_owner(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        former, present = [await made(owner, "customers", last_name=name) for name in ("Demir", "Weiß")]
        vehicle = await made(owner, "vehicles", customer_id=former, owned_since="2024-01-01")
        lead = await made(
            owner,
            "leads",
            workshop_id=str(organization.workshops[0]),
            source="phone",
            name="Demir",
            phone="030 23125 888",
            request="Reifen",
            language="de",
        )
        converted = await owner.post(
            f"{CRM}/leads/{lead}/convert",
            json={"customer_id": former, "vehicle_id": vehicle},
            headers={"if-match": '"1"'},
        )
        assert converted.status_code == 200, converted.text
        work = await made(owner, f"vehicles/{vehicle}/works", kind="repair", done_on="2026-01-05", passed=True)
        kinds = [each["kind"] for each in await timeline(owner, f"vehicles/{vehicle}")]
        assert sorted(kinds) == ["lead", "ownership", "work"]
        moved = await owner.post(
            f"{CRM}/vehicles/{vehicle}/transfer", json={"customer_id": present, "on": str(utc_now().date())}
        )
        assert moved.status_code == 200, moved.text
        entries = await timeline(owner, f"vehicles/{vehicle}", limit=1)
        assert {each["kind"] for each in entries} == {"ownership", "work"}
        assert work in {each["id"] for each in entries}
        assert entries == sorted(entries, key=lambda each: (each["happened_at"], each["id"]), reverse=True)
