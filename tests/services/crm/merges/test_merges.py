"""Joining two customers and taking it back, as a workshop's staff see it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_crm.merges import actions
from carbot_crm.merges.models import Moved
from carbot_testing.plugin import Connect
from carbot_testing.world import Organization, World

CUSTOMERS = "/api/crm/v1/customers"
MERGES = "/api/crm/v1/merges"
STAY = {"customers", "customer_merges", "customer_duplicates", "consent_records", "consents", "sale_addresses"}
"""What refers to a customer and stays: who was joined, and what was said, which the send gate reads of both."""


@pytest_asyncio.fixture(scope="module")
async def organization(world: World) -> Organization:
    return await world.organization(workshops=2, members=(("owner", None), ("service_advisor", (1,))))


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


async def created(client: httpx.AsyncClient, **body: Any) -> str:
    answer = await client.post(CUSTOMERS, json={"last_name": "Demir", **body})
    assert answer.status_code == 201, answer.text
    customer_id: str = answer.json()["id"]
    return customer_id


async def picture(client: httpx.AsyncClient, *customer_ids: str) -> list[Any]:
    """Return all that can be seen of customers but when and how often they were changed."""
    seen: list[Any] = []
    for customer_id in customer_ids:
        customer = (await client.get(f"{CUSTOMERS}/{customer_id}")).json()
        vehicles = (await client.get(f"{CUSTOMERS}/{customer_id}/vehicles")).json()["items"]
        seen.append(
            (
                {name: value for name, value in customer.items() if name not in {"revision", "updated_at"}},
                [each["id"] for each in vehicles],
                await timeline(client, customer_id),
            )
        )
    return seen


async def timeline(client: httpx.AsyncClient, customer_id: str) -> list[dict[str, Any]]:
    answer = await client.get(f"{CUSTOMERS}/{customer_id}/timeline")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def converted(client: httpx.AsyncClient, organization: Organization, customer_id: str) -> str:
    """Take a lead, and convert it to this customer."""
    lead = {"source": "phone", "name": "Demir", "phone": f"0151 {uuid4().int % 10**8:08}", "request": "Reifen"}
    answer = await client.post("/api/crm/v1/leads", json={**lead, "workshop_id": str(organization.workshops[0])})
    lead_id: str = answer.raise_for_status().json()["id"]
    converted = await client.post(f"/api/crm/v1/leads/{lead_id}/convert", json={"customer_id": customer_id})
    assert converted.status_code == 200, converted.text
    return lead_id


async def noted(client: httpx.AsyncClient, customer_id: str) -> str:
    note = {"direction": "inbound", "channel": "phone", "body": "Fragt nach dem Preis"}
    answer = await client.post(f"{CUSTOMERS}/{customer_id}/touchpoints", json=note)
    assert answer.status_code == 201, answer.text
    noted_id: str = answer.json()["id"]
    return noted_id


async def said(client: httpx.AsyncClient, customer_id: str, state: str) -> None:
    body = {"channel": "email", "state": state, "source": "written"}
    body |= {} if state == "objected" else {"purpose": "newsletter", "text_version": "2026-01"}
    answer = await client.post(f"{CUSTOMERS}/{customer_id}/consents", json=body)
    assert answer.status_code == 201, answer.text


async def ground_of(client: httpx.AsyncClient, customer_id: str) -> str:
    """Return why an advertisement may be sent, or why not."""
    ground: str = (await client.get(f"{CUSTOMERS}/{customer_id}/send-verdict")).json()["ground"]
    return ground


async def merged(client: httpx.AsyncClient, survivor: str, other: str) -> dict[str, Any]:
    answer = await client.post(f"{CUSTOMERS}/{survivor}/merge", json={"merged_id": other})
    assert answer.status_code == 201, answer.text
    merge: dict[str, Any] = answer.json()
    return merge


class TestMerge:
    async def test_fills_in_what_the_survivor_lacks_and_keeps_the_rest(self, owner: httpx.AsyncClient) -> None:
        survivor = await created(owner, first_name="Ayşe", email="a@example.org")
        other = await created(owner, first_name="A.", email="b@example.org", phone="030 23125 200")
        await merged(owner, survivor, other)
        customer = (await owner.get(f"{CUSTOMERS}/{survivor}")).json()
        assert (customer["first_name"], customer["email"], customer["phone"]) == (
            "Ayşe",
            "a@example.org",
            "+493023125200",
        )

    async def test_moves_vehicles_and_leaves_the_other_out_of_lists(self, owner: httpx.AsyncClient) -> None:
        survivor, other = await created(owner), await created(owner)
        vehicle = (await owner.post("/api/crm/v1/vehicles", json={"customer_id": other})).json()["id"]
        await merged(owner, survivor, other)
        assert [each["id"] for each in (await owner.get(f"{CUSTOMERS}/{survivor}/vehicles")).json()["items"]] == [
            vehicle
        ]
        assert (await owner.get(f"{CUSTOMERS}/{other}")).json()["merged_into"] == survivor
        assert other not in {each["id"] for each in (await owner.get(CUSTOMERS, params={"limit": 200})).json()["items"]}

    async def test_who_was_merged_cannot_be_changed_and_says_where_to_ask(self, owner: httpx.AsyncClient) -> None:
        survivor, other = await created(owner), await created(owner)
        await merged(owner, survivor, other)
        answer = await owner.patch(f"{CUSTOMERS}/{other}", json={"city": "Köln"}, headers={"if-match": '"2"'})
        assert (answer.status_code, answer.json()["code"], answer.json()["merged_into"]) == (
            409,
            "customer_merged",
            survivor,
        )

    async def test_refuses_a_customer_with_itself(self, owner: httpx.AsyncClient) -> None:
        one = await created(owner)
        answer = await owner.post(f"{CUSTOMERS}/{one}/merge", json={"merged_id": one})
        assert (answer.status_code, answer.json()["code"]) == (422, "merge_with_itself")

    async def test_refuses_whom_the_caller_does_not_see(
        self, owner: httpx.AsyncClient, connect: Connect, organization: Organization
    ) -> None:
        here, elsewhere = await created(owner), await created(owner, workshop_id=str(organization.workshops[0]))
        advisor = connect("crm", organization, "service_advisor")
        answer = await advisor.post(f"{CUSTOMERS}/{here}/merge", json={"merged_id": elsewhere})
        assert (answer.status_code, answer.json()["code"]) == (404, "customer_not_found")

    async def test_moves_leads_and_what_was_written_at_every_workshop(
        self, owner: httpx.AsyncClient, connect: Connect, organization: Organization
    ) -> None:
        survivor, other = await created(owner), await created(owner)
        lead_id = await converted(owner, organization, other)
        noted_id = await noted(owner, other)
        # This advisor does not see the lead's workshop.
        merge = await merged(connect("crm", organization, "service_advisor"), survivor, other)
        moved = [(each["kind"], each["id"]) for each in await timeline(owner, survivor)]
        assert moved == [("communication", noted_id), ("lead", lead_id)]
        assert await timeline(owner, other) == []
        assert (await owner.post(f"{MERGES}/{merge['id']}/undo")).status_code == 200
        assert [(each["kind"], each["id"]) for each in await timeline(owner, other)] == moved
        assert await timeline(owner, survivor) == []

    async def test_covers_every_table_of_a_customer(self, api_databases: dict[str, Database]) -> None:
        async with api_databases["crm"].transaction(Context(), read_only=True) as tx:
            referring = await tx.value(
                set[str],
                """
                SELECT array_agg(DISTINCT c.relname::text)
                FROM pg_constraint k
                JOIN pg_class c ON c.oid = k.conrelid
                WHERE k.contype = 'f' AND k.confrelid = 'crm.customers'::regclass
                """,
            )
        assert referring == {*Moved.__struct_fields__, *STAY}


class TestAdvertising:
    @pytest.mark.parametrize(
        ("survivor_said", "other_said", "ground"),
        [
            (["granted"], [], "consent"),
            ([], ["granted"], "consent"),
            (["granted"], ["withdrawn"], "consent_withdrawn"),
            (["withdrawn"], ["granted"], "consent_withdrawn"),
            (["withdrawn", "granted"], [], "consent"),
            (["granted"], ["objected"], "objection"),
            (["objected"], ["granted"], "objection"),
        ],
    )
    async def test_goes_by_the_stricter_of_what_both_said_until_something_is_said_anew(
        self, owner: httpx.AsyncClient, survivor_said: list[str], other_said: list[str], ground: str
    ) -> None:
        survivor = await created(owner, email=f"{uuid4().hex}@example.org")
        email = f"{uuid4().hex}@example.org"
        other = await created(owner, email=email)
        if not survivor_said:
            # What the other said was said of this address.
            survivor = await created(owner)
        for customer, states in ((survivor, survivor_said), (other, other_said)):
            for state in states:
                await said(owner, customer, state)
        before = [await ground_of(owner, survivor), await ground_of(owner, other)]
        merge = await merged(owner, survivor, other)
        assert await ground_of(owner, survivor) == ground
        await said(owner, survivor, "granted")
        assert await ground_of(owner, survivor) == "consent"
        await said(owner, survivor, "withdrawn")
        assert await ground_of(owner, survivor) in {"consent_withdrawn", "objection"}
        assert (await owner.post(f"{MERGES}/{merge['id']}/undo")).status_code == 200
        assert await ground_of(owner, other) == before[1]


class TestUndo:
    async def test_is_refused_twice(self, owner: httpx.AsyncClient) -> None:
        merge = await merged(owner, await created(owner), await created(owner))
        assert (await owner.post(f"{MERGES}/{merge['id']}/undo")).status_code == 200
        again = await owner.post(f"{MERGES}/{merge['id']}/undo")
        assert (again.status_code, again.json()["code"]) == (409, "merge_undone")

    async def test_keeps_what_was_changed_since(self, owner: httpx.AsyncClient) -> None:
        survivor, other = await created(owner), await created(owner, city="Köln", phone="030 23125 201")
        merge = await merged(owner, survivor, other)
        revision = (await owner.get(f"{CUSTOMERS}/{survivor}")).json()["revision"]
        changed = await owner.patch(
            f"{CUSTOMERS}/{survivor}", json={"city": "Bonn"}, headers={"if-match": f'"{revision}"'}
        )
        assert changed.status_code == 200
        await owner.post(f"{MERGES}/{merge['id']}/undo")
        customer = (await owner.get(f"{CUSTOMERS}/{survivor}")).json()
        assert (customer["city"], customer["phone"]) == ("Bonn", None)

    async def test_waits_until_a_later_merge_of_the_survivor_is_taken_back(self, owner: httpx.AsyncClient) -> None:
        first, second, third = [await created(owner) for _ in range(3)]
        inner = await merged(owner, second, first)
        outer = await merged(owner, third, second)
        refused = await owner.post(f"{MERGES}/{inner['id']}/undo")
        assert (refused.status_code, refused.json()["code"]) == (409, "customer_merged")
        for merge in (outer, inner):
            assert (await owner.post(f"{MERGES}/{merge['id']}/undo")).status_code == 200

    async def test_is_refused_after_thirty_days(
        self, owner: httpx.AsyncClient, organization: Organization, api_databases: dict[str, Database]
    ) -> None:
        survivor, other = UUID(await created(owner)), UUID(await created(owner))
        long_ago = datetime.now(UTC) - timedelta(days=30, seconds=1)
        async with api_databases["crm"].transaction(Context(organization_id=organization.id)) as tx:
            merge = await actions.merge(tx, survivor, other, now=long_ago)
        answer = await owner.post(f"{MERGES}/{merge.id}/undo")
        assert (answer.status_code, answer.json()["code"]) == (409, "merge_too_old")


FIELDS = {
    "first_name": st.sampled_from([None, "Ayşe", "A."]),
    "email": st.sampled_from([None, "a@example.org", "b@example.org"]),
    "phone": st.sampled_from([None, "030 23125 300", "030 23125 301"]),
    "street": st.sampled_from([None, "Am Markt 1"]),
    "city": st.sampled_from([None, "Köln", "Bonn"]),
    "note": st.sampled_from([None, "zahlt bar"]),
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    one=st.fixed_dictionaries(FIELDS),
    other=st.fixed_dictionaries(FIELDS),
    vehicles=st.lists(st.booleans(), max_size=3),
    leads=st.lists(st.booleans(), max_size=2),
    notes=st.lists(st.booleans(), max_size=2),
)
async def test_merge_and_undo_are_exact_inverses(
    owner: httpx.AsyncClient,
    organization: Organization,
    one: dict[str, Any],
    other: dict[str, Any],
    vehicles: list[bool],
    leads: list[bool],
    notes: list[bool],
) -> None:
    ids = (await created(owner, **one), await created(owner, **other))
    for of_other in vehicles:
        (await owner.post("/api/crm/v1/vehicles", json={"customer_id": ids[of_other]})).raise_for_status()
    for of_other in leads:
        await converted(owner, organization, ids[of_other])
    for of_other in notes:
        await noted(owner, ids[of_other])
    before = await picture(owner, *ids)
    merge = await merged(owner, *ids)
    assert await picture(owner, *ids) != before
    assert (await owner.post(f"{MERGES}/{merge['id']}/undo")).status_code == 200
    assert await picture(owner, *ids) == before
