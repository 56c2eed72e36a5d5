"""Assignment rules: who may make them, and whom a new lead is given to."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from carbot_testing.plugin import Connect
from carbot_testing.world import ORIGIN, Organization, World, membership_changed

CRM = "/api/crm/v1"
LEADS = f"{CRM}/leads"
RULES = f"{CRM}/assignment-rules"
MEMBERS: Any = (
    ("owner", None),
    ("manager", (0,)),
    ("service_advisor", None),
    ("technician", (1,)),
    ("viewer", None),
    ("accountant", None),
)

type Found = dict[str, Any]
type Taken = Callable[..., Awaitable[Found]]


@pytest_asyncio.fixture
async def organization(world: World) -> Organization:
    return await world.organization(workshops=2, members=MEMBERS)


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


@pytest.fixture
def taken(owner: httpx.AsyncClient, organization: Organization) -> Taken:
    """Takes a lead."""

    async def taken(workshop: int = 0, **changes: Any) -> Found:
        body = {
            "workshop_id": str(organization.workshops[workshop]),
            "source": "phone",
            "name": "Ayşe Demir",
            "email": f"{uuid4().hex}@example.org",
            "request": "HU",
            **changes,
        }
        key = {"idempotency-key": str(uuid4())}
        while True:
            answer = await owner.post(LEADS, json=body, headers=key)
            # A machine that has too much to do refuses some, perhaps after it has taken them: they ask again by their key.
            if answer.status_code not in {409, 503}:
                break
            await asyncio.sleep(0.1)
        assert answer.status_code == 201, answer.text
        found: Found = answer.json()
        return found

    return taken


def users(organization: Organization, *roles: Any) -> list[str]:
    return [str(organization.member(role).user_id) for role in roles]


async def rule(owner: httpx.AsyncClient, member_ids: list[str], **changes: Any) -> Found:
    answer = await owner.post(RULES, json={"member_ids": member_ids, **changes})
    assert answer.status_code == 201, answer.text
    made: Found = answer.json()
    return made


class TestTurn:
    async def test_goes_round(self, owner: httpx.AsyncClient, organization: Organization, taken: Taken) -> None:
        three = users(organization, "viewer", "owner", "accountant")
        await rule(owner, three)
        assert [(await taken())["assigned_to"] for _ in range(7)] == [*three, *three, three[0]]

    async def test_is_kept_by_many_at_once(
        self, owner: httpx.AsyncClient, organization: Organization, taken: Taken
    ) -> None:
        four = users(organization, "owner", "service_advisor", "viewer", "accountant")
        await rule(owner, four)
        leads = await asyncio.gather(*(taken(number % 2) for number in range(40)))
        assert Counter(lead["assigned_to"] for lead in leads) == dict.fromkeys(four, 10)

    async def test_is_not_taken_by_who_writes_again(
        self, owner: httpx.AsyncClient, organization: Organization, taken: Taken
    ) -> None:
        two = users(organization, "owner", "viewer")
        await rule(owner, two)
        known = await taken(phone="0176 1234567")
        again = await taken(phone="0176 1234567")
        assert (known["id"], known["assigned_to"]) == (again["id"], again["assigned_to"])
        assert (await taken())["assigned_to"] == two[1]

    async def test_of_one_number_that_writes_many_times_at_once_is_one(
        self, owner: httpx.AsyncClient, organization: Organization, taken: Taken
    ) -> None:
        await rule(owner, users(organization, "owner", "viewer"))
        leads = await asyncio.gather(*(taken(phone="0176 7654321") for _ in range(10)))
        assert len({(lead["id"], lead["assigned_to"]) for lead in leads}) == 1

    async def test_is_that_of_the_workshop_before_that_of_the_organization(
        self, owner: httpx.AsyncClient, organization: Organization, taken: Taken
    ) -> None:
        everywhere, here = users(organization, "owner", "viewer")
        await rule(owner, [everywhere], strategy="fixed")
        own = await rule(owner, [here], strategy="fixed", workshop_id=str(organization.workshops[0]))
        assert [(await taken(number))["assigned_to"] for number in (0, 1, 0)] == [here, everywhere, here]
        off = await owner.patch(f"{RULES}/{own['id']}", json={"is_active": False}, headers={"if-match": '"1"'})
        assert off.json()["is_active"] is False
        assert (await taken(0))["assigned_to"] == everywhere

    async def test_passes_over_who_has_left_or_does_not_see_the_workshop(
        self, owner: httpx.AsyncClient, organization: Organization, taken: Taken, world: World
    ) -> None:
        three = users(organization, "owner", "technician", "viewer")
        await rule(owner, three)
        assert [(await taken(0))["assigned_to"] for _ in range(3)] == [three[0], three[2], three[0]]
        left = membership_changed(organization.member("viewer"), is_active=False)
        await world.tell(organization.id, left, version=2)
        assert [(await taken(1))["assigned_to"] for _ in range(3)] == [three[1], three[0], three[1]]

    async def test_is_nobodys_if_nobody_is_there_and_goes_on_after(
        self, owner: httpx.AsyncClient, organization: Organization, taken: Taken
    ) -> None:
        manager, owner_id = users(organization, "manager", "owner")
        made = await rule(owner, [manager])
        assert [(await taken(number))["assigned_to"] for number in (1, 0, 1)] == [None, manager, None]
        two = {"member_ids": [manager, owner_id]}
        await owner.patch(f"{RULES}/{made['id']}", json=two, headers={"if-match": '"1"'})
        assert [(await taken(0))["assigned_to"] for _ in range(2)] == [owner_id, manager]

    async def test_is_nobodys_by_an_empty_list(self, owner: httpx.AsyncClient, taken: Taken) -> None:
        await rule(owner, [])
        assert (await taken())["assigned_to"] is None

    async def test_of_a_guests_lead_is_the_same_and_so_is_the_first_follow_up(
        self, connect: Connect, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        (one,) = users(organization, "service_advisor")
        await rule(owner, [one], strategy="fixed")
        guest = connect("crm")
        guest.headers.update({"x-carbot-key": str(organization.keys[1]), "origin": ORIGIN})
        consent = {"data_processing": True, "communication": False, "text_version": "1"}
        body = {"name": "Ayşe", "phone": "0176 1234567", "request": "HU", "consent": consent}
        path = f"{LEADS}/{(await guest.post(f'{CRM}/public/leads', json=body)).json()['id']}"
        assert (await owner.get(path)).json()["assigned_to"] == one
        (task,) = (await owner.get(f"{path}/follow-ups")).json()["items"]
        assert task["assigned_to"] == one

    async def test_leaves_no_trace_of_its_own_in_the_rule(
        self, owner: httpx.AsyncClient, organization: Organization, taken: Taken
    ) -> None:
        made = await rule(owner, users(organization, "owner", "viewer"))
        await taken()
        assert (await owner.get(f"{RULES}/{made['id']}")).json() == made


class TestPost:
    async def test_makes_one_for_each_workshop_and_one_for_all(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        made = [await rule(owner, [], workshop_id=each) for each in (None, *map(str, organization.workshops))]
        assert (await owner.get(RULES)).json()["items"] == made
        for each in (None, str(organization.workshops[0])):
            answer = await owner.post(RULES, json={"member_ids": [], "workshop_id": each})
            assert (answer.status_code, answer.json()["code"]) == (409, "assignment_rule_exists")

    async def test_is_refused_with_strangers(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        body = {"member_ids": users(organization, "owner", "technician"), "workshop_id": str(organization.workshops[0])}
        for members in (body["member_ids"], [str(uuid4())]):
            answer = await owner.post(RULES, json={**body, "member_ids": members})
            assert (answer.status_code, answer.json()["code"]) == (404, "rule_member_not_found")

    async def test_of_one_names_one(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        for members in ([], users(organization, "owner", "viewer")):
            answer = await owner.post(RULES, json={"strategy": "fixed", "member_ids": members})
            assert (answer.status_code, answer.json()["code"]) == (422, "one_member_needed")
            assert answer.json()["errors"][0]["pointer"] == "/member_ids"

    async def test_for_all_workshops_needs_the_sight_of_all(
        self, connect: Connect, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        manager = connect("crm", organization, "manager")
        answer = await manager.post(RULES, json={"member_ids": []})
        assert (answer.status_code, answer.json()["code"]) == (403, "assignment_rule_too_wide")
        foreign = await manager.post(RULES, json={"member_ids": [], "workshop_id": str(organization.workshops[1])})
        assert (foreign.status_code, foreign.json()["code"]) == (404, "workshop_not_found")
        await rule(manager, users(organization, "manager"), workshop_id=str(organization.workshops[0]))
        wide = await rule(owner, [])
        path = f"{RULES}/{wide['id']}"
        for refused in (
            await manager.patch(path, json={"is_active": False}, headers={"if-match": '"1"'}),
            await manager.delete(path, headers={"if-match": '"1"'}),
        ):
            assert (refused.status_code, refused.json()["code"]) == (403, "assignment_rule_too_wide")

    @pytest.mark.parametrize("role", ["service_advisor", "viewer"])
    async def test_is_for_those_who_lead(
        self, connect: Connect, owner: httpx.AsyncClient, organization: Organization, role: Any
    ) -> None:
        client = connect("crm", organization, role)
        assert (await client.post(RULES, json={"member_ids": []})).status_code == 403
        assert (await client.get(RULES)).status_code == 403


class TestPatch:
    async def test_changes_what_was_read(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        made = await rule(owner, users(organization, "owner", "viewer"))
        path = f"{RULES}/{made['id']}"
        assert (await owner.patch(path, json={"is_active": False})).status_code == 428
        one = {"strategy": "fixed", "member_ids": users(organization, "viewer")}
        answer = await owner.patch(path, json=one, headers={"if-match": '"1"'})
        assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
        assert {name: answer.json()[name] for name in one} == one
        assert (await owner.patch(path, json=one, headers={"if-match": '"1"'})).status_code == 412

    async def test_keeps_members_who_have_left(
        self, owner: httpx.AsyncClient, organization: Organization, world: World
    ) -> None:
        made = await rule(owner, users(organization, "viewer"))
        await world.tell(organization.id, membership_changed(organization.member("viewer"), is_active=False), version=2)
        answer = await owner.patch(f"{RULES}/{made['id']}", json={"is_active": False}, headers={"if-match": '"1"'})
        assert answer.json()["member_ids"] == made["member_ids"]


class TestDelete:
    async def test_leaves_leads_to_whom_they_were_given(
        self, owner: httpx.AsyncClient, organization: Organization, taken: Taken
    ) -> None:
        path = f"{RULES}/{(await rule(owner, users(organization, 'viewer')))['id']}"
        before = await taken()
        assert (await owner.delete(path)).status_code == 428
        assert (await owner.delete(path, headers={"if-match": '"1"'})).status_code == 204
        assert (await owner.get(path)).status_code == 404
        assert (await owner.get(f"{LEADS}/{before['id']}")).json()["assigned_to"] == before["assigned_to"]
        assert (await taken())["assigned_to"] is None
