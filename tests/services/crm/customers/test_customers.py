"""Customers as a workshop's staff see them."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from carbot_testing.plugin import Connect
from carbot_testing.world import Organization, World

CUSTOMERS = "/api/crm/v1/customers"


def new_customer(**changes: Any) -> dict[str, Any]:
    return {
        "last_name": "Müller",
        "first_name": "Änne",
        "email": "Aenne@Example.org",
        "phone": "030 23125-123",
        **changes,
    }


@pytest_asyncio.fixture(scope="module")
async def organization(world: World) -> Organization:
    return await world.organization(workshops=2, members=(("owner", None), ("service_advisor", (0,))))


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


@pytest.fixture
def advisor(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization, "service_advisor")


async def created(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await client.post(CUSTOMERS, json=new_customer(**changes))
    assert answer.status_code == 201, answer.text
    customer: dict[str, Any] = answer.json()
    return customer


class TestCreate:
    async def test_stores_phone_and_address_in_their_one_form(self, owner: httpx.AsyncClient) -> None:
        customer = await created(owner)
        assert (customer["phone"], customer["email"]) == ("+493023125123", "aenne@example.org")
        assert (await owner.get(f"{CUSTOMERS}/{customer['id']}")).json() == customer

    async def test_reads_a_number_as_one_of_the_customers_country(self, owner: httpx.AsyncClient) -> None:
        customer = await created(owner, country="AT", phone="01 2345678", postal_code="1010")
        assert customer["phone"] == "+4312345678"

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"last_name": None}, "/last_name"),
            ({"kind": "company"}, "/company"),
            ({"postal_code": "1011"}, "/postal_code"),
            ({"country": "CH", "postal_code": "10115", "phone": None}, "/postal_code"),
            ({"phone": "12"}, "/phone"),
        ],
    )
    async def test_says_what_is_missing_or_wrong(
        self, owner: httpx.AsyncClient, changes: dict[str, Any], pointer: str
    ) -> None:
        answer = await owner.post(CUSTOMERS, json=new_customer(**changes))
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)

    async def test_takes_up_a_company(self, owner: httpx.AsyncClient) -> None:
        customer = await created(owner, kind="company", company="Fuhrpark Özdemir GmbH", last_name=None)
        assert customer["company"] == "Fuhrpark Özdemir GmbH"


class TestList:
    async def test_shows_the_customers_of_other_workshops_only_to_who_works_there(
        self, owner: httpx.AsyncClient, advisor: httpx.AsyncClient, organization: Organization
    ) -> None:
        here = await created(owner, workshop_id=str(organization.workshops[0]))
        there = await created(owner, workshop_id=str(organization.workshops[1]))
        anywhere = await created(owner)
        seen = {each["id"] for each in (await advisor.get(CUSTOMERS)).json()["items"]}
        assert {here["id"], anywhere["id"]} <= seen
        assert there["id"] not in seen

    async def test_goes_on_where_the_page_before_ended(self, owner: httpx.AsyncClient) -> None:
        ids = [(await created(owner))["id"] for _ in range(3)]
        first = (await owner.get(CUSTOMERS, params={"limit": 2})).json()
        second = (await owner.get(CUSTOMERS, params={"limit": 1, "cursor": first["next_cursor"]})).json()
        assert [each["id"] for each in first["items"] + second["items"]] == ids[::-1]


class TestEdit:
    async def test_changes_what_is_named_and_keeps_the_rest(self, owner: httpx.AsyncClient) -> None:
        customer = await created(owner)
        answer = await owner.patch(
            f"{CUSTOMERS}/{customer['id']}",
            json={"city": "Köln", "phone": None},
            headers={"if-match": '"1"'},
        )
        assert answer.json() == {
            **customer,
            "city": "Köln",
            "phone": None,
            "revision": 2,
            "updated_at": answer.json()["updated_at"],
        }

    async def test_is_refused_to_who_saw_an_older_one(self, owner: httpx.AsyncClient) -> None:
        path = f"{CUSTOMERS}/{(await created(owner))['id']}"
        assert (await owner.patch(path, json={"city": "Bonn"}, headers={"if-match": '"1"'})).status_code == 200
        assert (await owner.patch(path, json={"city": "Köln"}, headers={"if-match": '"1"'})).status_code == 412

    async def test_must_not_empty_the_name(self, owner: httpx.AsyncClient) -> None:
        path = f"{CUSTOMERS}/{(await created(owner))['id']}"
        answer = await owner.patch(path, json={"last_name": None}, headers={"if-match": '"1"'})
        assert (answer.status_code, answer.json()["code"]) == (422, "name_missing")

    async def test_finds_no_customer_that_never_was(self, owner: httpx.AsyncClient) -> None:
        answer = await owner.patch(f"{CUSTOMERS}/{uuid4()}", json={}, headers={"if-match": '"1"'})
        assert (answer.status_code, answer.json()["code"]) == (404, "customer_not_found")
