"""Leads as a workshop's staff and its guests see them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from carbot_testing.plugin import Connect
from carbot_testing.world import ORIGIN, Organization, World, key_changed

LEADS = "/api/crm/v1/leads"
GUEST = "/api/crm/v1/public/leads"


def guest_lead(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Ayşe Yılmaz",
        "phone": f"030 {uuid4().int % 10**8:08d}",
        "email": "Ayse@Example.org",
        "request": "TÜV und Bremsen",
        "vehicle": "VW Golf, B-AY 1234",
        "language": "de",
        "source_url": "https://mueller.example/kontakt",
        "consent": {"data_processing": True, "communication": False, "text_version": "1"},
        **changes,
    }


@pytest_asyncio.fixture(scope="session")
async def organization(world: World) -> Organization:
    return await world.organization(
        workshops=2, members=(("owner", None), ("service_advisor", (0,)), ("viewer", None), ("technician", (1,)))
    )


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


@pytest.fixture
def guest(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    client = connect("crm")
    client.headers.update({"x-carbot-key": str(organization.keys[0]), "origin": ORIGIN})
    return client


async def taken(guest: httpx.AsyncClient, **changes: Any) -> str:
    answer = await guest.post(GUEST, json=guest_lead(**changes))
    assert answer.status_code == 201, answer.text
    lead_id: str = answer.json()["id"]
    return lead_id


class TestGuest:
    async def test_leaves_a_lead_that_staff_see(self, guest: httpx.AsyncClient, owner: httpx.AsyncClient) -> None:
        lead_id = await taken(guest)
        lead = (await owner.get(f"{LEADS}/{lead_id}")).json()
        assert (lead["status"], lead["source"], lead["email"]) == ("new", "website", "ayse@example.org")
        assert lead["phone"].startswith("+4930")

    async def test_is_refused_from_a_foreign_origin(self, guest: httpx.AsyncClient) -> None:
        answer = await guest.post(GUEST, json=guest_lead(), headers={"origin": "https://evil.example"})
        assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")

    async def test_is_refused_with_a_revoked_key(self, guest: httpx.AsyncClient, world: World) -> None:
        own = await world.organization()
        revoked = key_changed(own.keys[0], own.workshops[0], revoked_at=datetime.now(UTC))
        guest.headers["x-carbot-key"] = str(own.keys[0])
        assert (await guest.post(GUEST, json=guest_lead())).status_code == 201
        await world.tell(own.id, revoked, version=2)
        answer = await guest.post(GUEST, json=guest_lead())
        assert (answer.status_code, answer.json()["code"]) == (401, "publishable_key_not_valid")

    async def test_is_refused_without_consent(self, guest: httpx.AsyncClient) -> None:
        consent = {"data_processing": False, "communication": False, "text_version": "1"}
        answer = await guest.post(GUEST, json=guest_lead(consent=consent))
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/consent/data_processing"

    async def test_who_writes_again_is_added_to_the_open_lead(
        self, guest: httpx.AsyncClient, owner: httpx.AsyncClient
    ) -> None:
        first = await taken(guest, phone="0176 1234567", request="Ölwechsel")
        second = await taken(guest, phone="+49 176 1234567", request="Wann denn?")
        assert first == second
        texts = [i["text"] for i in (await owner.get(f"{LEADS}/{first}/interactions")).json()["items"]]
        assert texts == ["Wann denn?", "Ölwechsel"]


class TestSteps:
    async def test_lead_through_the_state_machine(
        self, guest: httpx.AsyncClient, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        path = f"{LEADS}/{await taken(guest)}"
        advisor = str(organization.member("service_advisor").user_id)
        assert (await owner.post(f"{path}/assign", json={"user_id": advisor})).json()["assigned_to"] == advisor
        assert (await owner.post(f"{path}/contact", json={"note": "angerufen"})).json()["status"] == "contacted"
        assert (await owner.post(f"{path}/qualify", json={})).json()["status"] == "qualified"
        assert (await owner.post(f"{path}/lose", json={"reason": "zu teuer"})).json()["status"] == "lost"
        reopened = (await owner.post(f"{path}/reopen", json={})).json()
        assert (reopened["status"], reopened["lost_reason"], reopened["revision"]) == ("new", None, 6)
        kinds = [i["kind"] for i in (await owner.get(f"{path}/interactions")).json()["items"]]
        assert kinds == ["reopening", "loss", "qualification", "contact", "assignment", "form"]

    async def test_refuses_a_wrong_step_and_names_the_allowed_ones(
        self, guest: httpx.AsyncClient, owner: httpx.AsyncClient
    ) -> None:
        answer = await owner.post(f"{LEADS}/{await taken(guest)}/qualify", json={})
        assert answer.status_code == 409
        assert answer.json()["allowed"] == ["assign", "contact", "convert", "lose", "spam"]

    async def test_refuses_an_assignee_who_does_not_see_the_workshop(
        self, guest: httpx.AsyncClient, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        technician = str(organization.member("technician").user_id)
        answer = await owner.post(f"{LEADS}/{await taken(guest)}/assign", json={"user_id": technician})
        assert (answer.status_code, answer.json()["code"]) == (404, "assignee_not_found")


class TestEdit:
    async def test_needs_the_entity_tag(self, guest: httpx.AsyncClient, owner: httpx.AsyncClient) -> None:
        path = f"{LEADS}/{await taken(guest)}"
        assert (await owner.patch(path, json={"priority": 90})).status_code == 428
        read = await owner.get(path)
        changed = await owner.patch(path, json={"priority": 90}, headers={"if-match": read.headers["etag"]})
        assert (changed.status_code, changed.json()["priority"], changed.headers["etag"]) == (200, 90, '"2"')
        stale = await owner.patch(path, json={"priority": 10}, headers={"if-match": read.headers["etag"]})
        assert stale.status_code == 412

    async def test_names_the_place_of_a_bad_field(self, guest: httpx.AsyncClient, owner: httpx.AsyncClient) -> None:
        path = f"{LEADS}/{await taken(guest)}"
        answer = await owner.patch(path, json={"priority": 101}, headers={"if-match": '"1"'})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/priority")
        unknown = await owner.patch(path, json={"status": "converted"}, headers={"if-match": '"1"'})
        assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/status")


class TestSight:
    async def test_of_an_advisor_ends_at_the_own_workshop(
        self, connect: Connect, guest: httpx.AsyncClient, organization: Organization
    ) -> None:
        lead_id = await taken(guest)
        technician = connect("crm", organization, "technician")
        foreign = await technician.get(f"{LEADS}/{lead_id}")
        assert (foreign.status_code, foreign.json()["code"]) == (404, "lead_not_found")
        advisor = connect("crm", organization, "service_advisor")
        assert (await advisor.get(f"{LEADS}/{lead_id}")).status_code == 200
        seen = (await advisor.get(LEADS, params={"limit": 200})).json()["items"]
        assert {lead["workshop_id"] for lead in seen} == {str(organization.workshops[0])}

    async def test_viewer_may_not_write(
        self, connect: Connect, guest: httpx.AsyncClient, organization: Organization
    ) -> None:
        viewer = connect("crm", organization, "viewer")
        answer = await viewer.post(f"{LEADS}/{await taken(guest)}/contact", json={})
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")

    async def test_nobody_sees_nothing(self, connect: Connect) -> None:
        answer = await connect("crm").get(LEADS)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


class TestPages:
    async def test_go_through_all_leads_once(self, world: World, connect: Connect) -> None:
        organization = await world.organization()
        owner = connect("crm", organization)
        body = {"workshop_id": str(organization.workshops[0]), "source": "walk_in", "name": "A", "request": "B"}
        made = [(await owner.post(LEADS, json={**body, "email": f"{n}@example.org"})).json()["id"] for n in range(7)]
        seen: list[str] = []
        cursor: str | None = None
        while True:
            page = (await owner.get(LEADS, params={"limit": 3, **({"cursor": cursor} if cursor else {})})).json()
            seen += [lead["id"] for lead in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == made[::-1]

    async def test_refuse_the_cursor_of_another_query(self, owner: httpx.AsyncClient, guest: httpx.AsyncClient) -> None:
        for _ in range(2):
            await taken(guest)
        cursor = (await owner.get(LEADS, params={"limit": 1})).json()["next_cursor"]
        answer = await owner.get(LEADS, params={"limit": 1, "cursor": cursor, "status": "lost"})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


class TestIdempotencyKey:
    async def test_repeats_the_answer_and_not_the_effect(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        body = {
            "workshop_id": str(organization.workshops[0]),
            "source": "phone",
            "name": "Jörg",
            "email": "j@example.org",
            "request": "Reifen",
        }
        key = {"idempotency-key": str(uuid4())}
        first = await owner.post(LEADS, json=body, headers=key)
        second = await owner.post(LEADS, json=body, headers=key)
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.content == second.content
        assert second.headers["idempotent-replayed"] == "true"
        assert second.headers["etag"] == first.headers["etag"]
        other = await owner.post(LEADS, json={**body, "name": "Jürgen"}, headers=key)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
        UUID(first.json()["id"])
