"""What becomes of leads in the end, as a workshop's staff see it."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from carbot_testing.plugin import Connect
from carbot_testing.world import Organization, World

LEADS = "/api/crm/v1/leads"
CUSTOMERS = "/api/crm/v1/customers"
VEHICLES = "/api/crm/v1/vehicles"


@pytest_asyncio.fixture(scope="module")
async def organization(world: World) -> Organization:
    return await world.organization(workshops=1)


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


async def lead(client: httpx.AsyncClient, organization: Organization) -> dict[str, Any]:
    body = {
        "workshop_id": str(organization.workshops[0]),
        "source": "phone",
        "name": "Ayşe Nur Demir",
        "phone": f"0176 {uuid4().int % 10**7:07d}",
        "email": "ayse@example.org",
        "request": "HU",
        "language": "tr",
    }
    made: dict[str, Any] = (await client.post(LEADS, json=body)).raise_for_status().json()
    return made


class TestConvert:
    async def test_makes_a_customer_and_a_vehicle(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        new = await lead(owner, organization)
        answer = await owner.post(f"{LEADS}/{new['id']}/convert", json={"plate": "B-AY 1", "make": "VW"})
        assert answer.status_code == 200, answer.text
        converted = answer.json()
        assert converted["status"] == "converted"
        customer = (await owner.get(f"{CUSTOMERS}/{converted['customer_id']}")).json()
        assert (customer["first_name"], customer["last_name"], customer["email"], customer["language"]) == (
            "Ayşe Nur",
            "Demir",
            "ayse@example.org",
            "tr",
        )
        vehicle = (await owner.get(f"{VEHICLES}/{converted['vehicle_id']}")).json()
        assert (vehicle["plate"], vehicle["customer_id"]) == ("B-AY 1", customer["id"])

    async def test_links_who_is_known(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        customer = (await owner.post(CUSTOMERS, json={"last_name": "Demir"})).json()["id"]
        vehicle = (await owner.post(VEHICLES, json={"customer_id": customer})).json()["id"]
        new = await lead(owner, organization)
        known = {"customer_id": customer, "vehicle_id": vehicle}
        converted = (await owner.post(f"{LEADS}/{new['id']}/convert", json=known)).json()
        assert (converted["customer_id"], converted["vehicle_id"]) == (customer, vehicle)

    async def test_happens_once(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        path = f"{LEADS}/{(await lead(owner, organization))['id']}/convert"
        assert (await owner.post(path, json={})).status_code == 200
        again = await owner.post(path, json={})
        assert (again.status_code, again.json()["code"]) == (409, "wrong_step")

    async def test_leaves_nothing_behind_when_the_vehicle_is_unknown(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        new = await lead(owner, organization)
        before = len((await owner.get(CUSTOMERS, params={"limit": 200})).json()["items"])
        answer = await owner.post(f"{LEADS}/{new['id']}/convert", json={"vehicle_id": str(uuid4())})
        assert (answer.status_code, answer.json()["code"]) == (404, "vehicle_not_found")
        assert len((await owner.get(CUSTOMERS, params={"limit": 200})).json()["items"]) == before
        assert (await owner.get(f"{LEADS}/{new['id']}")).json()["status"] == "new"


class TestSpam:
    async def test_is_put_aside_and_may_come_back(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        path = f"{LEADS}/{(await lead(owner, organization))['id']}"
        assert (await owner.post(f"{path}/spam", json={})).json()["status"] == "spam"
        assert (await owner.post(f"{path}/reopen", json={})).json()["status"] == "new"


class TestDelete:
    async def test_leaves_nothing(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        path = f"{LEADS}/{(await lead(owner, organization))['id']}"
        assert (await owner.delete(path)).status_code == 428
        assert (await owner.delete(path, headers={"if-match": '"7"'})).status_code == 412
        assert (await owner.delete(path, headers={"if-match": '"1"'})).status_code == 204
        assert (await owner.get(path)).status_code == 404
