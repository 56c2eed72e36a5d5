"""Vehicles, their owners and their kilometres as a workshop's staff see them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from carbot_testing.plugin import Connect
from carbot_testing.world import Organization, World

VEHICLES = "/api/crm/v1/vehicles"
CUSTOMERS = "/api/crm/v1/customers"
TODAY = datetime.now(UTC).date()


@pytest_asyncio.fixture(scope="module")
async def organization(world: World) -> Organization:
    return await world.organization(workshops=2, members=(("owner", None), ("technician", (0,))))


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


async def customer(client: httpx.AsyncClient, name: str = "Demir") -> str:
    made: str = (await client.post(CUSTOMERS, json={"last_name": name})).raise_for_status().json()["id"]
    return made


async def created(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await client.post(VEHICLES, json={"plate": "b-ay 1234", "make": "VW", "model": "Golf", **changes})
    assert answer.status_code == 201, answer.text
    vehicle: dict[str, Any] = answer.json()
    return vehicle


class TestCreate:
    async def test_knows_when_the_first_inspection_is_due(self, owner: httpx.AsyncClient) -> None:
        vehicle = await created(owner, first_registration="2025-02-03")
        assert vehicle["tuv_expiry"] == "2028-02-29"
        assert vehicle["plaque"] == {"colour": "brown", "month": 2, "year": 2028}
        assert vehicle["plate"] == "B-AY 1234"
        assert (await owner.get(f"{VEHICLES}/{vehicle['id']}")).json() == vehicle

    async def test_counts_from_the_last_inspection(self, owner: httpx.AsyncClient) -> None:
        vehicle = await created(owner, first_registration="2015-02-03", last_hu_on="2025-09-12")
        assert vehicle["tuv_expiry"] == "2027-09-30"

    async def test_belongs_to_a_customer_who_sees_it(self, owner: httpx.AsyncClient) -> None:
        who = await customer(owner)
        vehicle = await created(owner, customer_id=who, owned_since="2024-01-01", mileage=12_000)
        assert (vehicle["customer_id"], vehicle["owned_since"], vehicle["mileage"]) == (who, "2024-01-01", 12_000)
        listed = (await owner.get(f"{CUSTOMERS}/{who}/vehicles")).json()["items"]
        assert listed == [vehicle]

    async def test_refuses_a_due_date_that_somebody_typed(self, owner: httpx.AsyncClient) -> None:
        answer = await owner.post(VEHICLES, json={"tuv_expiry": "2030-01-31"})
        assert answer.status_code == 422

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"vin": "WVWZZZ1KZAW12345O"}, "invalid_body"),
            ({"vin": "WVWZZZ1KZ"}, "invalid_body"),
            ({"hsn": "603"}, "invalid_body"),
            ({"season_from": 4}, "invalid_season"),
            ({"season_from": 4, "season_to": 4}, "invalid_season"),
            ({"season_from": 1, "season_to": 12}, "invalid_season"),
            ({"first_registration": str(TODAY + timedelta(days=3))}, "not_yet"),
            ({"last_hu_on": str(TODAY + timedelta(days=3))}, "not_yet"),
        ],
    )
    async def test_says_what_is_wrong(self, owner: httpx.AsyncClient, changes: dict[str, Any], code: str) -> None:
        answer = await owner.post(VEHICLES, json=changes)
        assert (answer.status_code, answer.json()["code"]) == (422, code)

    async def test_european_vin_needs_no_check_digit(self, owner: httpx.AsyncClient) -> None:
        assert (await created(owner, vin="wvwzzz1kzaw123456"))["vin"] == "WVWZZZ1KZAW123456"

    async def test_leaves_nothing_behind_for_an_unknown_customer(self, owner: httpx.AsyncClient) -> None:
        before = len((await owner.get(VEHICLES, params={"limit": 200})).json()["items"])
        answer = await owner.post(VEHICLES, json={"customer_id": str(uuid4())})
        assert (answer.status_code, answer.json()["code"]) == (404, "customer_not_found")
        assert len((await owner.get(VEHICLES, params={"limit": 200})).json()["items"]) == before


class TestTransfer:
    async def test_keeps_what_was_done_and_nothing_of_the_former_owner(self, owner: httpx.AsyncClient) -> None:
        seller, buyer = await customer(owner, "Alt"), await customer(owner, "Neu")
        vehicle = await created(owner, customer_id=seller, owned_since="2024-01-01", note="zahlt bar", mileage=900)
        path = f"{VEHICLES}/{vehicle['id']}"
        await owner.post(f"{path}/works", json={"kind": "repair", "done_on": "2025-05-05", "note": "Bremsen"})
        answer = await owner.post(f"{path}/transfer", json={"customer_id": buyer, "on": str(TODAY), "plate": "K-ÖL 1"})
        assert answer.status_code == 200, answer.text
        sold = answer.json()
        assert (sold["customer_id"], sold["owned_since"], sold["plate"]) == (buyer, str(TODAY), "K-ÖL 1")
        assert sold["note"] is None
        assert [each["kind"] for each in (await owner.get(f"{path}/works")).json()["items"]] == ["repair"]
        assert (await owner.get(f"{CUSTOMERS}/{seller}/vehicles")).json()["items"] == []
        owners = [
            (each["customer_id"], each["ends_on"]) for each in (await owner.get(f"{path}/ownerships")).json()["items"]
        ]
        assert owners == [(buyer, None), (seller, str(TODAY))]

    async def test_to_somebody_unknown_leaves_it_without_an_owner(self, owner: httpx.AsyncClient) -> None:
        vehicle = await created(owner, customer_id=await customer(owner), owned_since="2024-01-01")
        path = f"{VEHICLES}/{vehicle['id']}/transfer"
        sold = (await owner.post(path, json={"customer_id": None, "on": str(TODAY)})).json()
        assert (sold["customer_id"], sold["owned_since"]) == (None, None)
        again = await owner.post(path, json={"customer_id": None, "on": str(TODAY)})
        assert (again.status_code, again.json()["code"]) == (404, "vehicle_not_owned")

    async def test_not_before_the_present_owner_had_it(self, owner: httpx.AsyncClient) -> None:
        vehicle = await created(owner, customer_id=await customer(owner), owned_since=str(TODAY))
        body = {"customer_id": await customer(owner), "on": "2024-05-01"}
        answer = await owner.post(f"{VEHICLES}/{vehicle['id']}/transfer", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "transfer_too_early")

    async def test_to_an_unknown_customer_changes_nothing(self, owner: httpx.AsyncClient) -> None:
        vehicle = await created(owner, customer_id=await customer(owner), owned_since="2024-01-01")
        path = f"{VEHICLES}/{vehicle['id']}"
        answer = await owner.post(f"{path}/transfer", json={"customer_id": str(uuid4()), "on": str(TODAY)})
        assert answer.status_code == 404
        assert (await owner.get(path)).json() == vehicle


class TestMileage:
    async def test_moves_the_vehicle_on(self, owner: httpx.AsyncClient) -> None:
        path = f"{VEHICLES}/{(await created(owner, mileage=1000))['id']}"
        answer = await owner.post(f"{path}/mileage", json={"kilometres": 1500, "read_on": str(TODAY)})
        assert answer.status_code == 201, answer.text
        assert (await owner.get(path)).json()["mileage"] == 1500
        shown = [each["kilometres"] for each in (await owner.get(f"{path}/mileage")).json()["items"]]
        assert sorted(shown) == [1000, 1500]

    async def test_falls_only_with_a_reason(self, owner: httpx.AsyncClient) -> None:
        path = f"{VEHICLES}/{(await created(owner, mileage=1000))['id']}"
        less = {"kilometres": 10, "read_on": str(TODAY)}
        refused = await owner.post(f"{path}/mileage", json=less)
        assert (refused.status_code, refused.json()["code"]) == (422, "mileage_falls")
        assert (await owner.post(f"{path}/mileage", json={**less, "reason": "Tacho neu"})).status_code == 201
        assert (await owner.get(path)).json()["mileage"] == 10

    async def test_of_an_earlier_day_is_history(self, owner: httpx.AsyncClient) -> None:
        path = f"{VEHICLES}/{(await created(owner, mileage=1000))['id']}"
        earlier = {"kilometres": 500, "read_on": "2020-01-01"}
        assert (await owner.post(f"{path}/mileage", json=earlier)).status_code == 201
        assert (await owner.get(path)).json()["mileage"] == 1000


class TestEdit:
    async def test_moves_what_is_due(self, owner: httpx.AsyncClient) -> None:
        vehicle = await created(owner, first_registration="2025-02-03")
        path = f"{VEHICLES}/{vehicle['id']}"
        taxi = await owner.patch(path, json={"vehicle_class": "taxi"}, headers={"if-match": f'"{vehicle["revision"]}"'})
        assert taxi.json()["tuv_expiry"] == "2026-02-28"
        gone = await owner.patch(path, json={"is_active": False}, headers={"if-match": f'"{taxi.json()["revision"]}"'})
        assert gone.json()["tuv_expiry"] is None
        assert (await owner.get(f"{path}/due")).json() == {"items": []}
