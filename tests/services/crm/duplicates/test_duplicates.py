"""Customers who may be one, as a workshop's staff see them."""

import random
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_crm.duplicates.actions import look_for_pairs
from carbot_testing.plugin import Connect
from carbot_testing.world import Organization, World

CUSTOMERS = "/api/crm/v1/customers"
DUPLICATES = "/api/crm/v1/duplicates"
NOW = datetime.now(UTC)


@pytest_asyncio.fixture
async def organization(world: World) -> Organization:
    return await world.organization(workshops=1)


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


async def created(client: httpx.AsyncClient, **body: Any) -> str:
    answer = await client.post(CUSTOMERS, json={"last_name": "Müller", **body})
    assert answer.status_code == 201, answer.text
    customer_id: str = answer.json()["id"]
    return customer_id


async def found(client: httpx.AsyncClient, customer_id: str) -> dict[str, list[str]]:
    items = (await client.get(f"{CUSTOMERS}/{customer_id}/duplicates")).json()["items"]
    return {each["customer_id"]: each["reasons"] for each in items}


class TestOfOneCustomer:
    async def test_same_address_of_mail_and_name_is_found_with_its_reasons(self, owner: httpx.AsyncClient) -> None:
        one = await created(owner, first_name="Änne", email="a@example.org")
        other = await created(owner, first_name="Aenne", last_name="Mueller", email="A@example.org")
        assert await found(owner, one) == {other: ["email", "name"]}

    async def test_typing_error_at_one_address_is_found(self, owner: httpx.AsyncClient) -> None:
        place = {"street": "Hauptstraße 5", "postal_code": "10115", "phone": "030 23125 100"}
        one = await created(owner, first_name="Johanna", last_name="Schmidt", **place)
        other = await created(owner, first_name="Johana", last_name="Schmidt", **place)
        assert await found(owner, one) == {other: ["phone", "similar_name", "address"]}

    async def test_family_at_one_telephone_is_not(self, owner: httpx.AsyncClient) -> None:
        one = await created(owner, first_name="Anna", phone="030 23125 101")
        await created(owner, first_name="Bernd", phone="030 23125 101")
        assert await found(owner, one) == {}

    async def test_same_name_alone_is_not(self, owner: httpx.AsyncClient) -> None:
        one = await created(owner, first_name="Peter")
        await created(owner, first_name="Peter")
        assert await found(owner, one) == {}

    async def test_same_vehicle_under_one_name_is_found(self, owner: httpx.AsyncClient) -> None:
        one, other = await created(owner, first_name="Ute"), await created(owner, first_name="Ute")
        for who, plate in ((one, "K-X 77"), (other, "K X 77")):
            vehicle = {"plate": plate, "customer_id": who}
            (await owner.post("/api/crm/v1/vehicles", json=vehicle)).raise_for_status()
        assert await found(owner, one) == {other: ["plate", "name"]}


class TestPairs:
    async def test_are_listed_until_they_are_dismissed(
        self, owner: httpx.AsyncClient, organization: Organization, worker_databases: dict[str, Database]
    ) -> None:
        first, second = [await created(owner, first_name="Änne", email="a@example.org") for _ in range(2)]
        await look(worker_databases["crm"], organization)
        (pair,) = (await owner.get(DUPLICATES)).json()["items"]
        assert (pair["first_id"], pair["second_id"]) == (first, second)
        dismissed = await owner.post(f"{DUPLICATES}/dismiss", json={"first_id": second, "second_id": first})
        assert dismissed.status_code == 204
        await look(worker_databases["crm"], organization)
        assert (await owner.get(DUPLICATES)).json()["items"] == []

    async def test_vanish_when_they_are_alike_no_more(
        self, owner: httpx.AsyncClient, organization: Organization, worker_databases: dict[str, Database]
    ) -> None:
        first, _ = [await created(owner, first_name="Änne", email="a@example.org") for _ in range(2)]
        await look(worker_databases["crm"], organization)
        changed = {"first_name": "Bernd", "email": "b@example.org"}
        await owner.patch(f"{CUSTOMERS}/{first}", json=changed, headers={"if-match": '"1"'})
        await look(worker_databases["crm"], organization)
        assert (await owner.get(DUPLICATES)).json()["items"] == []

    async def test_strangers_are_no_pair_to_dismiss(self, owner: httpx.AsyncClient) -> None:
        ids = {"first_id": await created(owner), "second_id": await created(owner)}
        answer = await owner.post(f"{DUPLICATES}/dismiss", json=ids)
        assert (answer.status_code, answer.json()["code"]) == (404, "pair_not_found")


FIRST = ("Anna", "Ben", "Clara", "David", "Emine", "Fatih", "Greta", "Hans", "Ivana", "Jörg", "Katarzyna", "Lukas")
LAST = (
    "Müller",
    "Schmidt",
    "Yılmaz",
    "Kowalski",
    "Weiß",
    "Schäfer",
    "Özdemir",
    "Hoffmann",
    "Wagner",
    "Nowak",
    "Krause",
)
STREETS = ("Lange Straße", "Hauptstr.", "Am Markt", "Gartenweg", "Bergstraße", "Ringstr.", "Mühlenweg")


def people(count: int, dice: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "first_name": dice.choice(FIRST),
            "last_name": dice.choice(LAST) + dice.choice(("", "", "mann", "er")),
            "email": f"p{number}@example.org" if dice.random() < 0.7 else None,
            "phone": f"030 23125 {number:03d}",
            "street": f"{dice.choice(STREETS)} {dice.randrange(1, 120)}",
            "postal_code": f"101{dice.randrange(10, 30)}",
        }
        for number in range(count)
    ]


def again(person: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Return somebody as a tired colleague types them a second time."""
    kind = dice.randrange(5)
    last: str = person["last_name"]
    spelled = last.replace("ü", "ue").replace("ö", "oe").replace("ä", "ae").replace("ß", "ss").replace("ı", "i")
    place = dice.randrange(2, len(spelled) - 1)
    if kind == 0:
        return {**person, "last_name": spelled, "email": None}
    if kind == 1:
        return {**person, "last_name": spelled[:place] + spelled[place] + spelled[place:], "street": None}
    if kind == 2:
        return {**person, "last_name": spelled, "phone": None, "street": person["street"].replace("str.", "straße")}
    if kind == 3:
        return {**person, "first_name": person["first_name"][0] + ".", "email": None}
    return {**person, "last_name": spelled, "street": "Neuer Weg 1", "postal_code": "20095"}


async def test_finds_planted_pairs_and_few_others(
    owner: httpx.AsyncClient, organization: Organization, worker_databases: dict[str, Database]
) -> None:
    """At least 95 of 100 planted pairs, and at most 2 of 100 found ones false."""
    dice = random.Random(7)
    persons = people(400, dice)
    originals = [await created(owner, **person) for person in persons]
    planted = set[tuple[str, ...]]()
    for number in range(100):
        copy = await created(owner, **again(persons[number], dice))
        planted.add(tuple(sorted((originals[number], copy))))
    await look(worker_databases["crm"], organization)
    page = (await owner.get(DUPLICATES, params={"limit": 200})).json()["items"]
    shown = {tuple(sorted((each["first_id"], each["second_id"]))) for each in page}
    assert len(planted & shown) >= 95, sorted(planted - shown)
    assert len(shown - planted) <= 0.02 * len(shown), sorted(shown - planted)


async def look(database: Database, organization: Organization) -> None:
    async with database.transaction(Context(organization_id=organization.id)) as tx:
        await look_for_pairs(tx, NOW)
