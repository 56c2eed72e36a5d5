"""What falls due, and the work that moves it on, as a workshop's staff and other services see it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
import pytest_asyncio

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.jobs import JobLoop
from carbot_crm.due.jobs import ANNOUNCE_DUE
from carbot_crm.due.rules import end_of_month
from carbot_testing.plugin import Connect
from carbot_testing.world import Organization, World

VEHICLES = "/api/crm/v1/vehicles"
DUE = "/api/crm/v1/vehicles/due"
RULES = "/api/crm/v1/due-rules"
NOW = datetime.now(UTC)
TODAY = NOW.date()


@pytest_asyncio.fixture
async def organization(world: World) -> Organization:
    return await world.organization(workshops=2, members=(("owner", None), ("technician", (0,))))


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


async def created(client: httpx.AsyncClient, **changes: Any) -> str:
    answer = await client.post(VEHICLES, json={"plate": "B-AY 1234", **changes})
    assert answer.status_code == 201, answer.text
    vehicle_id: str = answer.json()["id"]
    return vehicle_id


async def open_items(client: httpx.AsyncClient, vehicle_id: str) -> dict[str, tuple[str | None, int | None]]:
    items = (await client.get(f"{VEHICLES}/{vehicle_id}/due")).json()["items"]
    return {each["name"] or each["kind"]: (each["due_on"], each["due_at_kilometres"]) for each in items}


def month_after(day: date, months: int) -> str:
    return end_of_month(day, months).isoformat()


class TestRecordWork:
    async def test_inspection_moves_on_itself_and_the_exhaust(self, owner: httpx.AsyncClient) -> None:
        vehicle = await created(owner, last_hu_on=str(TODAY - timedelta(days=700)))
        work = await owner.post(
            f"{VEHICLES}/{vehicle}/works", json={"kind": "hu", "done_on": str(TODAY), "kilometres": 50}
        )
        assert work.status_code == 201, work.text
        expected = month_after(TODAY, 24)
        assert await open_items(owner, vehicle) == {"hu": (expected, None), "au": (expected, None)}
        read = (await owner.get(f"{VEHICLES}/{vehicle}")).json()
        assert (read["tuv_expiry"], read["last_hu_on"], read["mileage"]) == (expected, str(TODAY), 50)

    async def test_inspection_that_was_not_passed_moves_nothing(self, owner: httpx.AsyncClient) -> None:
        vehicle = await created(owner, last_hu_on=str(TODAY - timedelta(days=700)))
        before = await open_items(owner, vehicle)
        failed = {"kind": "hu", "done_on": str(TODAY), "passed": False}
        assert (await owner.post(f"{VEHICLES}/{vehicle}/works", json=failed)).status_code == 201
        assert await open_items(owner, vehicle) == before

    async def test_exhaust_measured_before_the_inspection_is_done_for_it(self, owner: httpx.AsyncClient) -> None:
        vehicle = await created(owner, last_hu_on=str(TODAY - timedelta(days=700)), fuel="diesel")
        await owner.post(f"{VEHICLES}/{vehicle}/works", json={"kind": "au", "done_on": str(TODAY)})
        assert set(await open_items(owner, vehicle)) == {"hu"}

    async def test_is_refused_in_the_future(self, owner: httpx.AsyncClient) -> None:
        vehicle = await created(owner)
        body = {"kind": "hu", "done_on": str(TODAY + timedelta(days=2))}
        answer = await owner.post(f"{VEHICLES}/{vehicle}/works", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "not_yet")


class TestRules:
    async def test_service_falls_due_by_time_and_distance(self, owner: httpx.AsyncClient) -> None:
        body = {"kind": "service", "name": "Inspektion", "next_months": 12, "kilometres": 15_000}
        rule = (await owner.post(RULES, json=body)).raise_for_status().json()
        vehicle = await created(owner, vehicle_class="other", mileage=20_000, first_registration="2020-03-01")
        assert await open_items(owner, vehicle) == {"Inspektion": ("2021-03-31", 30_000)}
        work = {"kind": "service", "rule_id": rule["id"], "done_on": str(TODAY), "kilometres": 21_000}
        assert (await owner.post(f"{VEHICLES}/{vehicle}/works", json=work)).status_code == 201
        assert await open_items(owner, vehicle) == {"Inspektion": (month_after(TODAY, 12), 36_000)}

    async def test_tyres_are_changed_in_their_months(self, owner: httpx.AsyncClient) -> None:
        body = {"kind": "tyre_change", "name": "Räder", "calendar_months": [4, 10], "vehicle_class": "car"}
        (await owner.post(RULES, json=body)).raise_for_status()
        vehicle = await created(owner)
        due_on, _ = (await open_items(owner, vehicle))["Räder"]
        assert due_on is not None
        assert date.fromisoformat(due_on).month in {4, 10}
        assert date.fromisoformat(due_on) > TODAY

    async def test_rule_that_was_switched_off_is_due_no_more(self, owner: httpx.AsyncClient) -> None:
        body = {"kind": "own", "name": "Klima", "next_months": 24}
        rule = (await owner.post(RULES, json=body)).raise_for_status().json()
        vehicle = await created(owner, vehicle_class="other", first_registration="2020-03-01")
        assert set(await open_items(owner, vehicle)) == {"Klima"}
        off = await owner.patch(f"{RULES}/{rule['id']}", json={"is_active": False}, headers={"if-match": '"1"'})
        assert off.json()["is_active"] is False
        await owner.post(f"{VEHICLES}/{vehicle}/mileage", json={"kilometres": 5, "read_on": str(TODAY)})
        assert await open_items(owner, vehicle) == {}

    async def test_refuses_one_that_never_falls_due(self, owner: httpx.AsyncClient) -> None:
        answer = await owner.post(RULES, json={"kind": "own", "name": "Nie", "first_months": 3})
        assert (answer.status_code, answer.json()["code"]) == (422, "rule_without_measure")

    async def test_work_by_a_rule_of_another_kind_is_refused(self, owner: httpx.AsyncClient) -> None:
        rule = (await owner.post(RULES, json={"kind": "own", "name": "Klima", "next_months": 24})).json()
        vehicle = await created(owner)
        body = {"kind": "service", "rule_id": rule["id"], "done_on": str(TODAY)}
        answer = await owner.post(f"{VEHICLES}/{vehicle}/works", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "rule_not_found")


class TestDueList:
    async def test_is_in_order_with_plaque_and_season(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        who = (await owner.post("/api/crm/v1/customers", json={"last_name": "Demir", "first_name": "Ayşe"})).json()[
            "id"
        ]
        late = await created(owner, last_hu_on="2025-02-10", season_from=4, season_to=10)
        soon = await created(
            owner, last_hu_on="2024-12-10", customer_id=who, workshop_id=str(organization.workshops[0])
        )
        await created(owner, last_hu_on="2025-06-10")
        answer = await owner.get(DUE, params={"from": "2026-12-01", "to": "2027-02-28", "kind": "hu"})
        first, second = answer.json()["items"]
        assert (first["vehicle_id"], first["due_on"], first["customer_name"]) == (soon, "2026-12-31", "Ayşe Demir")
        assert first["plaque"] == {"colour": "blue", "month": 12, "year": 2026}
        assert (second["vehicle_id"], second["come_by"]) == (late, "2027-04-30")
        here = {"from": "2026-12-01", "to": "2027-02-28", "workshop_id": str(organization.workshops[0])}
        assert [each["vehicle_id"] for each in (await owner.get(DUE, params=here)).json()["items"]] == [soon]

    async def test_goes_on_where_the_page_before_ended(self, owner: httpx.AsyncClient) -> None:
        made = {await created(owner, last_hu_on="2025-02-10") for _ in range(3)}
        for kind in ("hu", "au"):
            wanted = {"from": "2027-02-01", "to": "2027-02-28", "kind": kind, "limit": 2}
            first = (await owner.get(DUE, params=wanted)).json()
            second = (await owner.get(DUE, params={**wanted, "cursor": first["next_cursor"]})).json()
            assert {each["vehicle_id"] for each in first["items"] + second["items"]} == made
            assert second["next_cursor"] is None


class TestAnnounce:
    async def test_tells_of_each_vehicle_and_period_once(
        self, owner: httpx.AsyncClient, organization: Organization, worker_databases: dict[str, Database]
    ) -> None:
        database = worker_databases["crm"]
        # Under a name of its own: the workers beside have run theirs for today.
        job = msgspec.structs.replace(ANNOUNCE_DUE, name=f"announce-{uuid4()}")
        soon = await created(owner, last_hu_on=str(TODAY - timedelta(days=720)), fuel="electric")
        await created(owner, last_hu_on=str(TODAY), fuel="electric")
        await created(owner, last_hu_on="2010-01-01", fuel="electric")
        for later in (timedelta(0), timedelta(days=1, seconds=1)):
            loop = JobLoop(database, (job,), lambda later=later: NOW + later)
            assert await loop.run_if_due(job)
        assert await told(database, organization) == [UUID(soon)]
        # The next period is told as well.
        await owner.post(f"{VEHICLES}/{soon}/works", json={"kind": "hu", "done_on": str(TODAY)})
        loop = JobLoop(database, (job,), lambda: NOW + timedelta(days=720))
        assert await loop.run_if_due(job)
        assert (await told(database, organization)).count(UUID(soon)) == 2


async def told(database: Database, organization: Organization) -> list[UUID]:
    async with database.transaction(Context(organization_id=organization.id)) as tx:
        return (
            await tx.value(
                list[UUID],
                """
            SELECT COALESCE(array_agg(aggregate_id ORDER BY pos), '{}')
            FROM outbox
            WHERE organization_id = $1 AND subject = 'crm.vehicle.due.v1'
            """,
                organization.id,
            )
            or []
        )
