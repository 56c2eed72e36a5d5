"""Workshops."""

from math import asin, cos, radians, sin, sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbot_tenancy.workshops.geography import EARTH_RADIUS_KM, box_around
from carbot_testing.founding import TENANCY, Founder, Person, new_workshop

WORKSHOPS = f"{TENANCY}/workshops"


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
        ],
    )
    async def test_refuses_what_is_wrong(self, owner: Person, changes: dict[str, Any], pointer: str) -> None:
        answer = await owner.client.post(WORKSHOPS, json=new_workshop(**changes))
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)

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
