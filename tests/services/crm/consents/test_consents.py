"""Recording what customers say of advertising: the proof, its order, its event."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
import pytest_asyncio

from carbot_contracts.crm import ConsentChanged
from carbot_core.clock import utc_now
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_crm.keys import Keys
from carbot_testing.customers import store_customer
from carbot_testing.plugin import Connect
from carbot_testing.running import KEY_ENCRYPTION_KEY
from carbot_testing.world import Organization, World

CUSTOMERS = "/api/crm/v1/customers"
GRANTED = {
    "channel": "email",
    "purpose": "newsletter",
    "state": "granted",
    "source": "written",
    "text_version": "2026-01",
}


class Published(msgspec.Struct, frozen=True):
    version: int
    body: bytes


@pytest_asyncio.fixture(scope="session")
async def organization(world: World) -> Organization:
    return await world.organization()


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


@pytest_asyncio.fixture
async def customer(api_databases: dict[str, Database], organization: Organization) -> UUID:
    return await store_customer(api_databases["crm"], organization.id, email=f"{uuid4().hex}@example.org")


class TestRecord:
    async def test_is_kept_in_its_order_and_announced(
        self,
        owner: httpx.AsyncClient,
        customer: UUID,
        organization: Organization,
        worker_databases: dict[str, Database],
    ) -> None:
        path = f"{CUSTOMERS}/{customer}/consents"
        for changes in ({}, {"state": "withdrawn"}, {"state": "objected", "purpose": None}):
            assert (await owner.post(path, json={**GRANTED, **changes})).status_code == 201
        records = (await owner.get(path)).json()["items"]
        assert [(each["version"], each["state"], each["purpose"]) for each in records] == [
            (3, "objected", "all"),
            (2, "withdrawn", "newsletter"),
            (1, "granted", "newsletter"),
        ]
        assert records[2]["author_id"] == str(organization.member("owner").user_id)
        assert "address_hash" not in records[0]
        page = (await owner.get(path, params={"limit": 2})).json()
        rest = (await owner.get(path, params={"limit": 2, "cursor": page["next_cursor"]})).json()["items"]
        assert [each["version"] for each in rest] == [1]
        async with worker_databases["crm"].transaction(Context(organization_id=organization.id)) as tx:
            published = await tx.all(
                Published,
                """
                SELECT aggregate_version AS version, body
                FROM outbox
                WHERE aggregate_id = $1
                ORDER BY pos
                """,
                customer,
            )
        events = [msgspec.json.decode(each.body, type=ConsentChanged) for each in published]
        assert [each.version for each in published] == [1, 2, 3]
        assert [str(event.record_id) for event in events] == [each["id"] for each in records[::-1]]

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"purpose": None}, "/purpose"),
            ({"state": "objected"}, "/purpose"),
            ({"text_version": None}, "/text_version"),
            ({"occurred_at": (utc_now() + timedelta(days=1)).isoformat()}, "/occurred_at"),
            ({"source": "link"}, "/source"),
        ],
    )
    async def test_that_proves_nothing_is_refused(
        self, owner: httpx.AsyncClient, customer: UUID, changes: dict[str, Any], pointer: str
    ) -> None:
        answer = await owner.post(f"{CUSTOMERS}/{customer}/consents", json={**GRANTED, **changes})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)

    async def test_of_a_channel_without_an_address_is_refused_unless_it_is_a_no(
        self, owner: httpx.AsyncClient, customer: UUID
    ) -> None:
        path = f"{CUSTOMERS}/{customer}/consents"
        answer = await owner.post(path, json={**GRANTED, "channel": "sms"})
        assert (answer.status_code, answer.json()["code"]) == (422, "address_missing")
        objection = {"channel": "sms", "state": "objected", "source": "oral"}
        assert (await owner.post(path, json=objection)).status_code == 201

    async def test_of_a_sale_to_come_is_refused(self, owner: httpx.AsyncClient, customer: UUID) -> None:
        sale = {"channel": "email", "goods": "repair", "sold_on": (utc_now() + timedelta(days=2)).date().isoformat()}
        answer = await owner.post(f"{CUSTOMERS}/{customer}/sale-addresses", json=sale)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/sold_on")


class TestObjection:
    async def test_is_of_the_person_whichever_the_address(
        self,
        owner: httpx.AsyncClient,
        customer: UUID,
        organization: Organization,
        api_databases: dict[str, Database],
    ) -> None:
        path = f"{CUSTOMERS}/{customer}"
        objection = {"channel": "email", "state": "objected", "source": "oral"}
        assert (await owner.post(f"{path}/consents", json=objection)).status_code == 201
        async with api_databases["crm"].transaction(Context(organization_id=organization.id)) as tx:
            await tx.execute(
                "UPDATE crm.customers SET email = 'new@example.org' WHERE organization_id = $1 AND id = $2",
                organization.id,
                customer,
            )
        assert (await owner.get(f"{path}/send-verdict")).json()["ground"] == "objection"

    async def test_is_of_the_address_whoever_has_it(
        self,
        owner: httpx.AsyncClient,
        customer: UUID,
        organization: Organization,
        api_databases: dict[str, Database],
    ) -> None:
        email = f"Shared-{uuid4().hex}@Example.org"
        people = [
            await store_customer(api_databases["crm"], organization.id, email=each) for each in (email, email.lower())
        ]
        objection = {"channel": "email", "state": "objected", "source": "oral"}
        assert (await owner.post(f"{CUSTOMERS}/{people[0]}/consents", json=objection)).status_code == 201
        assert (await owner.get(f"{CUSTOMERS}/{people[1]}/send-verdict")).json()["ground"] == "objection"
        assert (await owner.get(f"{CUSTOMERS}/{customer}/send-verdict")).json()["ground"] == "consent_missing"


class TestKeys:
    def test_make_another_hash_for_each_organisation_channel_and_address(self) -> None:
        keys, one, other = Keys(KEY_ENCRYPTION_KEY), uuid4(), uuid4()
        hashes = {
            keys.hash_address(organization_id, channel, address)
            for organization_id in (one, other)
            for channel in ("email", "sms")
            for address in ("a@example.org", "b@example.org")
        }
        assert len(hashes) == 8
        assert keys.hash_address(one, "email", " A@Example.org ") == keys.hash_address(one, "email", "a@example.org")

    def test_know_their_own_links_again_and_no_others(self) -> None:
        keys, organization_id, communication_id = Keys(KEY_ENCRYPTION_KEY), uuid4(), uuid4()
        link = keys.unsubscribe_link(organization_id, communication_id)
        assert keys.read_unsubscribe_link(str(link)) == link
        assert link == keys.unsubscribe_link(organization_id, communication_id)
        assert keys.read_unsubscribe_link(str(msgspec.structs.replace(link, id=uuid4()))) is None
