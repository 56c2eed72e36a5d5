"""Locations."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_tenancy.locations.actions import announce_locations
from carbot_testing.founding import TENANCY, Founder, Person, new_location, persistently

SUBJECT = "tenancy.location.changed.v1"


def hours(*times: tuple[int, str, str]) -> list[dict[str, Any]]:
    return [{"weekday": weekday, "opens": opens, "closes": closes} for weekday, opens, closes in times]


def below(workshop: str) -> str:
    return f"{TENANCY}/workshops/{workshop}/locations"


async def create(person: Person, workshop: str, **changes: Any) -> httpx.Response:
    body = new_location(**changes)
    return await persistently(lambda: person.client.post(below(workshop), json=body))


async def edit(person: Person, location: str, **changes: Any) -> httpx.Response:
    """Change a location as it is now."""
    path = f"{TENANCY}/locations/{location}"
    tag = (await person.client.get(path)).headers["etag"]
    return await persistently(lambda: person.client.patch(path, json=changes, headers={"if-match": tag}))


async def primaries(person: Person, workshop: str) -> list[str]:
    items = (await person.client.get(below(workshop))).json()["items"]
    return [item["id"] for item in items if item["is_primary"]]


class TestCreateLocation:
    async def test_stores_it_and_tells_everybody_the_whole_state(
        self, founder: Founder, owner: Person, announced: Callable[..., Any]
    ) -> None:
        workshop = await founder.workshop(owner)
        times = hours((6, "09:00", "24:00"), (1, "13:30", "17:00"), (1, "08:00", "12:30"))
        place = {"postal_code": "27568", "city": "Bremerhaven", "latitude": 53.55, "longitude": 8.58}
        answer = await create(owner, workshop, opening_hours=times, **place)
        made = answer.json()
        assert (answer.status_code, answer.headers["etag"], made["is_primary"], made["is_active"]) == (
            201,
            '"1"',
            True,
            True,
        )
        assert (made["federal_state"], made["phone"]) == ("DE-HB", "+4930901820")
        assert made["opening_hours"] == hours((1, "08:00", "12:30"), (1, "13:30", "17:00"), (6, "09:00", "24:00"))
        assert (await owner.client.get(f"{TENANCY}/locations/{made['id']}")).json() == made
        version, told = (await announced(owner.organization_id, SUBJECT))[-1]
        unsaid = {"id", "created_at", "updated_at", "revision"}
        state = {name: value for name, value in made.items() if name not in unsaid}
        assert (version, told) == (1, {**state, "location_id": made["id"]})

    @pytest.mark.parametrize(
        ("changes", "code", "pointer"),
        [
            ({"postal_code": "05123"}, "unknown_postal_code", "/postal_code"),
            ({"phone": "+49 1"}, "invalid_phone", "/phone"),
            ({"latitude": 52.5}, "incomplete_place", "/longitude"),
            ({"is_primary": True}, "invalid_body", "/is_primary"),
            ({"federal_state": "DE-BE"}, "invalid_body", "/federal_state"),
        ],
    )
    async def test_refuses_what_is_wrong(
        self, founder: Founder, owner: Person, changes: dict[str, Any], code: str, pointer: str
    ) -> None:
        answer = await create(owner, await founder.workshop(owner), **changes)
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["errors"][0]["pointer"]) == (422, code, pointer)

    async def test_knows_no_workshop_of_others(self, founder: Founder, owner: Person) -> None:
        foreign = await founder.workshop(await founder.found())
        for workshop in (foreign, str(uuid4())):
            for answer in (await create(owner, workshop), await owner.client.get(below(workshop))):
                assert (answer.status_code, answer.json()["code"]) == (404, "workshop_not_found")


class TestOpeningHours:
    @pytest.mark.parametrize(
        ("times", "pointer"),
        [
            (hours((0, "08:00", "17:00")), "/opening_hours/0/weekday"),
            (hours((8, "08:00", "17:00")), "/opening_hours/0/weekday"),
            (hours((1, "8:00", "17:00")), "/opening_hours/0/opens"),
            (hours((1, "08:60", "17:00")), "/opening_hours/0/opens"),
            (hours((1, "24:00", "24:00")), "/opening_hours/0/opens"),
            (hours((1, "08:00", "24:01")), "/opening_hours/0/closes"),
            (hours((1, "08:00", "08:00")), "/opening_hours/0/closes"),
            (hours((1, "08:00", "12:00"), (2, "22:00", "02:00")), "/opening_hours/1/closes"),
            (hours((1, "08:00", "12:00"), (1, "11:59", "17:00")), "/opening_hours/1"),
            (hours((1, "12:00", "13:00"), (2, "08:00", "09:00"), (1, "08:00", "17:00")), "/opening_hours/2"),
            (hours((1, "08:00", "12:00"), (1, "08:00", "12:00")), "/opening_hours/1"),
            (hours(*((1, f"{hour:02}:00", f"{hour:02}:30") for hour in range(22))), "/opening_hours"),
        ],
    )
    async def test_are_refused_with_their_place(
        self, founder: Founder, owner: Person, times: list[dict[str, Any]], pointer: str
    ) -> None:
        answer = await create(owner, await founder.workshop(owner), opening_hours=times)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)

    async def test_may_touch_and_be_none(self, founder: Founder, owner: Person) -> None:
        workshop = await founder.workshop(owner)
        for times in ([], hours((1, "00:00", "12:00"), (1, "12:00", "24:00"), (2, "00:00", "24:00"))):
            assert (await create(owner, workshop, opening_hours=times)).json()["opening_hours"] == times
        most = hours(*((day, f"{start:02}:00", f"{start + 3:02}:00") for day in range(1, 8) for start in (8, 12, 16)))
        assert (await create(owner, workshop, opening_hours=most)).status_code == 201


class TestEditLocation:
    async def test_needs_the_revision_that_was_read(
        self, founder: Founder, owner: Person, announced: Callable[..., Any]
    ) -> None:
        path = f"{TENANCY}/locations/{(await create(owner, await founder.workshop(owner))).json()['id']}"
        change = {"postal_code": "14467", "opening_hours": hours((7, "10:00", "12:00")), "phone": None}
        for headers, status in (({}, 428), ({"if-match": '"7"'}, 412), ({"if-match": '"1"'}, 200)):
            assert (await owner.client.patch(path, json=change, headers=headers)).status_code == status
        read = (await owner.client.get(path)).json()
        assert (read["federal_state"], read["phone"], read["revision"], read["name"]) == ("DE-BB", None, 2, "Haupthaus")
        version, told = (await announced(owner.organization_id, SUBJECT))[-1]
        assert (version, told["opening_hours"], told["federal_state"]) == (2, change["opening_hours"], "DE-BB")

    async def test_refuses_hours_and_codes_as_a_new_one_does(self, founder: Founder, owner: Person) -> None:
        location = (await create(owner, await founder.workshop(owner))).json()["id"]
        wrong = await edit(owner, location, opening_hours=hours((1, "09:00", "08:00")))
        assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/opening_hours/0/closes")
        assert (await edit(owner, location, postal_code="62000")).json()["errors"][0]["pointer"] == "/postal_code"


class TestPrimary:
    async def test_is_the_first_even_of_many_at_once(self, founder: Founder, owner: Person) -> None:
        workshop = await founder.workshop(owner)
        answers = await asyncio.gather(*(create(owner, workshop) for _ in range(6)))
        assert {answer.status_code for answer in answers} == {201}
        assert len(await primaries(owner, workshop)) == 1

    async def test_hands_over_in_its_workshop_alone(
        self, founder: Founder, owner: Person, announced: Callable[..., Any]
    ) -> None:
        workshop, other = await founder.workshop(owner), await founder.workshop(owner)
        first, second = [(await create(owner, workshop)).json()["id"] for _ in range(2)]
        elsewhere = (await create(owner, other)).json()["id"]
        assert (await edit(owner, second, is_primary=True)).json()["is_primary"] is True
        assert (await primaries(owner, workshop), await primaries(owner, other)) == ([second], [elsewhere])
        told = [body for _, body in await announced(owner.organization_id, SUBJECT)]
        assert [(body["location_id"], body["is_primary"]) for body in told[-2:]] == [(first, False), (second, True)]

    async def test_is_one_also_when_many_take_over_at_once(self, founder: Founder, owner: Person) -> None:
        workshop = await founder.workshop(owner)
        made = [(await create(owner, workshop)).json()["id"] for _ in range(5)]
        answers = await asyncio.gather(*(edit(owner, each, is_primary=True) for each in made))
        assert {answer.status_code for answer in answers} <= {200, 412}
        assert len(await primaries(owner, workshop)) == 1

    async def test_can_neither_be_given_up_nor_be_closed(self, founder: Founder, owner: Person) -> None:
        workshop = await founder.workshop(owner)
        first, second = [(await create(owner, workshop)).json()["id"] for _ in range(2)]
        for location, change, code in (
            (first, {"is_primary": False}, "primary_location_needed"),
            (first, {"is_active": False}, "primary_location_inactive"),
        ):
            answer = await edit(owner, location, **change)
            assert (answer.status_code, answer.json()["code"]) == (409, code)
        assert (await edit(owner, second, is_active=False)).json()["is_active"] is False
        assert (await edit(owner, second, is_primary=True)).json()["code"] == "primary_location_inactive"
        assert (await edit(owner, second, is_primary=True, is_active=True)).status_code == 200
        assert (await edit(owner, first, is_active=False)).status_code == 200


class TestRestrictedMember:
    async def test_knows_no_locations_of_other_workshops(self, founder: Founder) -> None:
        owner = await founder.found()
        mine, foreign = await founder.workshop(owner), await founder.workshop(owner)
        hidden = (await create(owner, foreign)).json()["id"]
        admin = await founder.join(owner, "admin", [mine])
        assert (await create(admin, mine)).status_code == 201
        headers = {"if-match": '"1"'}
        for answer in (
            await create(admin, foreign),
            await admin.client.get(below(foreign)),
            await admin.client.get(f"{TENANCY}/locations/{hidden}"),
            await admin.client.patch(f"{TENANCY}/locations/{hidden}", json={"name": "x"}, headers=headers),
        ):
            assert answer.status_code == 404

    async def test_reads_but_does_not_write_as_a_technician(self, founder: Founder) -> None:
        owner = await founder.found()
        workshop = await founder.workshop(owner)
        await create(owner, workshop)
        technician = await founder.join(owner, "technician")
        assert len((await technician.client.get(below(workshop))).json()["items"]) == 1
        assert (await create(technician, workshop)).status_code == 403


class TestList:
    async def test_comes_in_pages_of_one_workshop(self, founder: Founder, owner: Person) -> None:
        workshop, other = await founder.workshop(owner), await founder.workshop(owner)
        made = [(await create(owner, workshop)).json() for _ in range(3)]
        page = (await owner.client.get(below(workshop), params={"limit": 2})).json()
        rest = {"limit": 2, "cursor": page["next_cursor"]}
        assert page["items"] + (await owner.client.get(below(workshop), params=rest)).json()["items"] == made
        assert (await owner.client.get(below(other), params=rest)).status_code == 422

    async def test_is_announced_again(
        self, founder: Founder, owner: Person, worker_databases: dict[str, Database]
    ) -> None:
        location = (await create(owner, await founder.workshop(owner))).json()["id"]
        async with worker_databases["tenancy"].transaction(Context(organization_id=owner.organization_id)) as tx:
            states = await announce_locations(tx, None, 500)
        assert location in {str(event.aggregate_id()) for event, _ in states}
