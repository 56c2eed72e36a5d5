"""The search as a workshop's staff use it."""

from typing import Any

import pytest
import pytest_asyncio

from carbot_testing.plugin import Connect
from carbot_testing.world import Organization, World

SEARCH = "/api/crm/v1/search"


@pytest_asyncio.fixture(scope="module")
async def organization(world: World) -> Organization:
    return await world.organization(
        workshops=2, members=(("owner", None), ("accountant", None), ("service_advisor", (1,)))
    )


@pytest_asyncio.fixture(scope="module")
async def known(connect: Connect, organization: Organization) -> dict[str, str]:
    """Make somebody of each kind; return names by id."""
    owner = connect("crm", organization)
    workshop = str(organization.workshops[0])
    names: dict[str, str] = {}

    async def make(path: str, called: str, **body: Any) -> None:
        answer = await owner.post(f"/api/crm/v1/{path}", json=body)
        assert answer.status_code == 201, answer.text
        names[answer.json()["id"]] = called

    await make("customers", "umlaut", last_name="Müller", first_name="Jörg", street="Lange Straße 5", city="Köln")
    await make("customers", "digraph", last_name="Mueller", first_name="Anna", phone="030 23125 123")
    await make("customers", "plain", last_name="Muller", first_name="Ben", workshop_id=workshop)
    await make("customers", "turkish", last_name="Yıldırım", first_name="Şükrü")
    await make("customers", "polish", last_name="Łukaszewicz", first_name="Zofia")
    await make("customers", "company", kind="company", company="Fuhrpark Özdemir GmbH")
    await make("vehicles", "golf", plate="HH-AB 123E", make="VW", model="Golf", vin="WVWZZZ1KZAW123456")
    await make(
        "leads",
        "lead",
        workshop_id=workshop,
        source="phone",
        name="Petra Müllerschön",
        phone="0176 1234567",
        request="HU",
    )
    return names


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("Müller", {"umlaut", "digraph", "plain", "lead"}),
        ("mueller", {"umlaut", "digraph", "plain", "lead"}),
        ("MULLER", {"umlaut", "digraph", "plain", "lead"}),
        ("Mülle", {"umlaut", "digraph", "plain", "lead"}),
        ("Mueler", {"umlaut", "digraph", "plain"}),
        ("Jörg Müller", {"umlaut"}),
        ("müller joerg", {"umlaut"}),
        ("strasse", {"umlaut"}),
        ("Straße", {"umlaut"}),
        ("yildirim", {"turkish"}),
        ("sukru", {"turkish"}),
        ("lukaszewicz", {"polish"}),
        ("Oezdemir", {"company"}),
        ("23125", {"digraph"}),
        ("030/23125-123", {"digraph"}),
        ("+49 30 23125123", {"digraph"}),
        ("0176 1234567", {"lead"}),
        ("HH AB 123", {"golf"}),
        ("hhab123", {"golf"}),
        ("HH-AB123E", {"golf"}),
        ("1KZAW1234", {"golf"}),
        ("100%", set[str]()),
        ("xylophon", set[str]()),
    ],
)
async def test_finds(
    connect: Connect, organization: Organization, known: dict[str, str], typed: str, found: set[str]
) -> None:
    answer = await connect("crm", organization).get(SEARCH, params={"q": typed})
    assert answer.status_code == 200, answer.text
    assert {known[each["id"]] for each in answer.json()["items"]} == found


async def test_puts_the_best_first(connect: Connect, organization: Organization, known: dict[str, str]) -> None:
    items = (await connect("crm", organization).get(SEARCH, params={"q": "Muller"})).json()["items"]
    scores = [each["score"] for each in items]
    assert scores == sorted(scores, reverse=True)
    assert items[0]["title"]


async def test_shows_each_only_what_they_may_read(
    connect: Connect, organization: Organization, known: dict[str, str]
) -> None:
    accountant = connect("crm", organization, "accountant")
    assert {each["kind"] for each in (await accountant.get(SEARCH, params={"q": "Müller"})).json()["items"]} == {
        "customer"
    }
    assert (await accountant.get(SEARCH, params={"q": "HHAB123"})).json()["items"] == []


async def test_leaves_out_what_stands_below_other_workshops(
    connect: Connect, organization: Organization, known: dict[str, str]
) -> None:
    advisor = connect("crm", organization, "service_advisor")
    items = (await advisor.get(SEARCH, params={"q": "Müller"})).json()["items"]
    assert {known[each["id"]] for each in items} == {"umlaut", "digraph"}


@pytest.mark.parametrize("typed", ["a", "%", "__", "  .", "\\"])
async def test_asks_for_more_than_one_letter(connect: Connect, organization: Organization, typed: str) -> None:
    answer = await connect("crm", organization).get(SEARCH, params={"q": typed})
    assert (answer.status_code, answer.json()["code"]) == (422, "search_too_short")
