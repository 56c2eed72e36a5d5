"""Workshops."""

import asyncio
from collections.abc import Callable
from math import asin, cos, radians, sin, sqrt
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbot_tenancy.workshops.geography import EARTH_RADIUS_KM, box_around
from carbot_testing.founding import TENANCY, Founder, Person, new_workshop, persistently

WORKSHOPS = f"{TENANCY}/workshops"


async def edit(person: Person, workshop: str, **changes: Any) -> httpx.Response:
    """Change a workshop as it is now."""
    path = f"{WORKSHOPS}/{workshop}"
    tag = (await person.client.get(path)).headers["etag"]
    return await persistently(lambda: person.client.patch(path, json=changes, headers={"if-match": tag}))


async def masters(person: Person) -> list[str]:
    items = (await person.client.get(WORKSHOPS)).json()["items"]
    return [item["id"] for item in items if item["is_master_workshop"]]


class TestCreateWorkshop:
    async def test_stores_the_number_as_e164(self, owner: Person) -> None:
        answer = await owner.client.post(WORKSHOPS, json=new_workshop(phone="(030) 90 18 20"))
        assert (answer.status_code, answer.json()["phone"], answer.headers["etag"]) == (201, "+4930901820", '"1"')

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"phone": "+49 1"}, "/phone"),
            ({"postal_code": "1011"}, "/postal_code"),
            ({"postal_code": "10119\n"}, "/postal_code"),
            ({"latitude": 90.1}, "/latitude"),
            ({"longitude": None}, "/longitude"),
            ({"slug": "Groß"}, "/slug"),
            ({"country": "AUT"}, "/country"),
            ({"owner": "me"}, "/owner"),
            ({"postal_code": "05123"}, "/postal_code"),
            ({"municipality_key": "1100000"}, "/municipality_key"),
            ({"municipality_key": "12000000"}, "/municipality_key"),
            ({"email": "nobody"}, "/email"),
            ({"website": "javascript:alert(1)"}, "/website"),
            ({"time_zone": "Europe/Atlantis"}, "/time_zone"),
            ({"time_zone": "localtime"}, "/time_zone"),
            ({"federal_state": "DE-BY"}, "/federal_state"),
            ({"is_master_workshop": True}, "/is_master_workshop"),
        ],
    )
    async def test_refuses_what_is_wrong(self, owner: Person, changes: dict[str, Any], pointer: str) -> None:
        answer = await owner.client.post(WORKSHOPS, json=new_workshop(**changes))
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)

    async def test_derives_the_federal_state_and_tells_everybody(
        self, owner: Person, announced: Callable[..., Any]
    ) -> None:
        sent = new_workshop(
            postal_code="79098",
            municipality_key="08311000",
            email="Werkstatt@Freiburg.example",
            website="https://freiburg.example",
            time_zone="Europe/Busingen",
        )
        made = (await owner.client.post(WORKSHOPS, json=sent)).json()
        shown = {name: made[name] for name in ("municipality_key", "website", "time_zone", "email", "federal_state")}
        assert shown == {
            **{name: sent[name] for name in ("municipality_key", "website", "time_zone")},
            "email": "werkstatt@freiburg.example",
            "federal_state": "DE-BW",
        }
        version, body = (await announced(owner.organization_id, "tenancy.workshop.changed.v1"))[-1]
        assert (version, body["federal_state"], body["time_zone"]) == (1, "DE-BW", "Europe/Busingen")

    async def test_refuses_a_slug_that_is_taken_in_the_organisation(self, founder: Founder, owner: Person) -> None:
        workshop = new_workshop()
        other = await founder.found()
        for client, status in ((owner.client, 201), (owner.client, 409), (other.client, 201)):
            assert (await client.post(WORKSHOPS, json=workshop)).status_code == status


class TestEditWorkshop:
    async def test_needs_the_revision_that_was_read(self, founder: Founder, owner: Person) -> None:
        one, two = new_workshop(), new_workshop()
        path = f"{WORKSHOPS}/{await founder.workshop(owner, **one)}"
        await founder.workshop(owner, **two)
        for change, headers, status in (
            ({"name": "Neu"}, {}, 428),
            ({"name": "Neu"}, {"if-match": '"7"'}, 412),
            ({"name": "Neu", "phone": None}, {"if-match": '"1"'}, 200),
            ({"slug": two["slug"]}, {"if-match": '"2"'}, 409),
        ):
            assert (await owner.client.patch(path, json=change, headers=headers)).status_code == status
        read = (await owner.client.get(path)).json()
        assert (read["name"], read["phone"], read["revision"], read["city"]) == ("Neu", None, 2, one["city"])

    async def test_derives_the_federal_state_anew(
        self, founder: Founder, owner: Person, announced: Callable[..., Any]
    ) -> None:
        workshop = await founder.workshop(owner, municipality_key="11000000")
        answer = await edit(owner, workshop, postal_code="14467", city="Potsdam")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/municipality_key")
        answer = await edit(owner, workshop, postal_code="99999")
        assert (answer.json()["code"], answer.json()["errors"][0]["pointer"]) == ("unknown_postal_code", "/postal_code")
        answer = await edit(owner, workshop, postal_code="14467", municipality_key="12054000", time_zone="UTC")
        assert (answer.status_code, answer.json()["federal_state"]) == (200, "DE-BB")
        version, body = (await announced(owner.organization_id, "tenancy.workshop.changed.v1"))[-1]
        assert (version, body["federal_state"], body["time_zone"]) == (2, "DE-BB", "UTC")

    async def test_empties_what_may_be_empty(self, founder: Founder, owner: Person) -> None:
        filled = {"municipality_key": "11000000", "email": "a@b.example", "website": "https://b.example"}
        workshop = await founder.workshop(owner, **filled)
        answer = (await edit(owner, workshop, **dict.fromkeys(filled))).json()
        assert {name: answer[name] for name in filled} == dict.fromkeys(filled)


class TestDeactivation:
    async def test_keeps_the_workshop(self, founder: Founder) -> None:
        owner = await founder.found()
        _, second = await founder.workshop(owner), await founder.workshop(owner)
        assert (await edit(owner, second, is_active=False)).json()["is_active"] is False
        assert (await owner.client.get(f"{WORKSHOPS}/{second}")).status_code == 200
        assert (await owner.client.delete(f"{WORKSHOPS}/{second}")).status_code == 405

    async def test_is_not_for_the_master_workshop(self, founder: Founder) -> None:
        owner = await founder.found()
        first, second = await founder.workshop(owner), await founder.workshop(owner)
        answer = await edit(owner, first, is_active=False)
        assert (answer.status_code, answer.json()["code"]) == (409, "master_workshop_inactive")
        await edit(owner, second, is_master_workshop=True)
        assert (await edit(owner, first, is_active=False)).status_code == 200


class TestMasterWorkshop:
    async def test_is_the_first_one(self, founder: Founder) -> None:
        owner = await founder.found()
        new = [new_workshop() for _ in range(6)]
        answers = await asyncio.gather(
            *(persistently(lambda body=body: owner.client.post(WORKSHOPS, json=body)) for body in new)
        )
        assert {answer.status_code for answer in answers} == {201}
        assert len(await masters(owner)) == 1

    async def test_hands_over_to_another_one(self, founder: Founder, announced: Callable[..., Any]) -> None:
        owner = await founder.found()
        first, second = await founder.workshop(owner), await founder.workshop(owner)
        assert await masters(owner) == [first]
        assert (await edit(owner, second, is_master_workshop=True)).json()["is_master_workshop"] is True
        assert await masters(owner) == [second]
        told = await announced(owner.organization_id, "tenancy.workshop.changed.v1")
        assert [(version, body["workshop_id"]) for version, body in told[2:]] == [(2, first), (2, second)]

    async def test_is_one_also_when_many_take_over_at_once(self, founder: Founder) -> None:
        owner = await founder.found()
        workshops = [await founder.workshop(owner) for _ in range(5)]
        answers = await asyncio.gather(*(edit(owner, each, is_master_workshop=True) for each in workshops))
        assert {answer.status_code for answer in answers} <= {200, 412}
        assert len(await masters(owner)) == 1

    async def test_cannot_be_given_up_nor_taken_over_by_one_that_is_closed(self, founder: Founder) -> None:
        owner = await founder.found()
        first, second = await founder.workshop(owner), await founder.workshop(owner)
        answer = await edit(owner, first, is_master_workshop=False)
        assert (answer.status_code, answer.json()["code"]) == (409, "master_workshop_needed")
        await edit(owner, second, is_active=False)
        answer = await edit(owner, second, is_master_workshop=True)
        assert (answer.status_code, answer.json()["code"]) == (409, "master_workshop_inactive")
        both = {"is_active": True, "is_master_workshop": True}
        assert (await edit(owner, second, **both)).status_code == 200

    async def test_is_chosen_by_those_who_see_all(self, founder: Founder) -> None:
        owner = await founder.found()
        _, second = await founder.workshop(owner), await founder.workshop(owner)
        admin = await founder.join(owner, "admin", [second])
        answer = await edit(admin, second, is_master_workshop=True)
        assert (answer.status_code, answer.json()["code"]) == (403, "master_not_yours")


class TestRestrictedMember:
    async def test_sees_only_the_own_workshops(self, founder: Founder) -> None:
        owner = await founder.found()
        mine, foreign = await founder.workshop(owner), await founder.workshop(owner)
        admin = await founder.join(owner, "admin", [mine])
        assert [one["id"] for one in (await admin.client.get(WORKSHOPS)).json()["items"]] == [mine]
        nearby = {"latitude": 52.5, "longitude": 13.4, "radius_km": 100}
        assert len((await admin.client.get(f"{WORKSHOPS}/nearby", params=nearby)).json()["items"]) == 1
        headers = {"if-match": '"1"'}
        answer = await admin.client.patch(f"{WORKSHOPS}/{foreign}", json={"name": "x"}, headers=headers)
        never = await admin.client.patch(f"{WORKSHOPS}/{admin.organization_id}", json={"name": "x"}, headers=headers)
        assert (answer.status_code, {**answer.json(), "trace_id": ""}) == (404, {**never.json(), "trace_id": ""})
        assert (await admin.client.post(WORKSHOPS, json=new_workshop())).status_code == 403


class TestNearby:
    async def test_lists_the_nearest_first_within_the_radius(self, founder: Founder) -> None:
        owner = await founder.found()
        for name, latitude, longitude in (("Hamburg", 53.55, 9.99), ("Potsdam", 52.4, 13.06), ("Mitte", 52.53, 13.4)):
            await founder.workshop(owner, name=name, latitude=latitude, longitude=longitude)
        await founder.workshop(owner, name="nowhere", latitude=None, longitude=None)
        asked = {"latitude": 52.52, "longitude": 13.405, "radius_km": 100}
        items = (await owner.client.get(f"{WORKSHOPS}/nearby", params=asked)).json()["items"]
        assert [(item["name"], round(item["distance_km"])) for item in items] == [("Mitte", 1), ("Potsdam", 27)]
        assert (await owner.client.get(f"{WORKSHOPS}/nearby", params={**asked, "radius_km": 501})).status_code == 422

    @given(st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180), st.floats(0.001, 500))
    def test_box_holds_every_place_of_the_circle(
        self, latitude: float, longitude: float, other_latitude: float, other_longitude: float, radius: float
    ) -> None:
        north, east = radians(other_latitude - latitude), radians(other_longitude - longitude)
        chord = sin(north / 2) ** 2 + cos(radians(latitude)) * cos(radians(other_latitude)) * sin(east / 2) ** 2
        if 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord))) <= radius:
            box = box_around(latitude, longitude, radius)
            assert box.south <= other_latitude <= box.north
            assert box.west <= other_longitude <= box.east
