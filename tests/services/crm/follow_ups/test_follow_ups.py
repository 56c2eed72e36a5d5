"""Follow-ups: what is to be done for a lead, and that it is told once when the time has come."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
import pytest_asyncio

from carbot_core.clock import utc_now
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.service import Runtime
from carbot_core.timers import Due, TimerLoop
from carbot_crm.follow_ups.events import remind
from carbot_crm.follow_ups.models import TIMER
from carbot_testing.plugin import Connect
from carbot_testing.running import Place
from carbot_testing.world import ORIGIN, Organization, World

CRM = "/api/crm/v1"
LEADS = f"{CRM}/leads"
FOLLOW_UPS = f"{CRM}/follow-ups"
MEMBERS: Any = (("owner", None), ("service_advisor", (0,)), ("technician", (1,)), ("viewer", None))

type Found = dict[str, Any]


@pytest_asyncio.fixture
async def organization(world: World) -> Organization:
    return await world.organization(workshops=2, members=MEMBERS)


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


@pytest.fixture
def runtime(place: Place, worker_databases: dict[str, Database]) -> Runtime:
    return Runtime(place.settings("crm", "worker"), worker_databases["crm"], utc_now)


async def lead(owner: httpx.AsyncClient, organization: Organization, workshop: int = 0, **changes: Any) -> Found:
    body = {
        "workshop_id": str(organization.workshops[workshop]),
        "source": "phone",
        "name": "Ayşe Demir",
        "email": f"{uuid4().hex}@example.org",
        "request": "HU",
        **changes,
    }
    made: Found = (await owner.post(LEADS, json=body)).raise_for_status().json()
    return made


async def of_lead(client: httpx.AsyncClient, lead_id: str) -> list[Found]:
    found: list[Found] = (await client.get(f"{LEADS}/{lead_id}/follow-ups")).raise_for_status().json()["items"]
    return found


async def first(owner: httpx.AsyncClient, organization: Organization) -> Found:
    """Return the first follow-up of a new lead."""
    return (await of_lead(owner, (await lead(owner, organization))["id"]))[0]


async def follow_up(owner: httpx.AsyncClient, lead_id: str, due_at: datetime, **changes: Any) -> Found:
    body = {"title": "Angebot nachfassen", "due_at": due_at.isoformat(), **changes}
    answer = await owner.post(f"{LEADS}/{lead_id}/follow-ups", json=body)
    assert answer.status_code == 201, answer.text
    made: Found = answer.json()
    return made


async def changed(owner: httpx.AsyncClient, known: Found, **changes: Any) -> httpx.Response:
    tag = {"if-match": f'"{known["revision"]}"'}
    return await owner.patch(f"{FOLLOW_UPS}/{known['id']}", json=changes, headers=tag)


async def reminder(runtime: Runtime, organization: Organization, known: Found) -> UUID | None:
    async with runtime.database.transaction(Context(organization_id=organization.id)) as tx:
        sql = "SELECT reminder_id FROM crm.follow_up_tasks WHERE id = $1"
        return await tx.value(UUID, sql, UUID(known["id"]))


async def taken(runtime: Runtime, organization: Organization, key: UUID) -> Due:
    """Take a timer before its time, as the loop does at its time."""
    async with runtime.database.transaction(Context(organization_id=organization.id)) as tx:
        sql = "UPDATE timers SET attempts = attempts + 1 WHERE key = $1 RETURNING attempts"
        attempts = await tx.value(int, sql, key)
    assert attempts is not None
    return Due(organization.id, TIMER, key, attempts)


async def announced(runtime: Runtime, organization: Organization, known: Found) -> list[int]:
    """Return the versions of a follow-up that were announced as due."""
    async with runtime.database.transaction(Context(organization_id=organization.id)) as tx:
        sql = """
            SELECT array_agg(aggregate_version ORDER BY aggregate_version)
            FROM outbox
            WHERE aggregate_id = $1 AND subject = 'crm.follow_up.due.v1'
            """
        return await tx.value(list[int], sql, UUID(known["id"])) or []


class TestNewLead:
    async def test_begins_with_being_answered_within_a_day(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        new = await lead(owner, organization, phone=f"0176 {uuid4().int % 10**7:07d}")
        (found,) = await of_lead(owner, new["id"])
        assert (found["title"], found["kind"], found["status"]) == ("Erstkontakt", "call", "open")
        assert (found["lead_id"], found["workshop_id"], found["assigned_to"]) == (new["id"], new["workshop_id"], None)
        within = datetime.fromisoformat(found["due_at"]) - datetime.fromisoformat(new["created_at"])
        assert within == timedelta(hours=24)

    async def test_without_a_number_is_answered_by_mail(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        assert (await first(owner, organization))["kind"] == "mail"

    async def test_of_a_guest_begins_so_and_who_writes_again_does_not(
        self, connect: Connect, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        guest = connect("crm")
        guest.headers.update({"x-carbot-key": str(organization.keys[0]), "origin": ORIGIN})
        consent = {"data_processing": True, "communication": False, "text_version": "1"}
        body = {"name": "Ayşe", "phone": "0176 1234567", "request": "HU", "consent": consent}
        ids = {(await guest.post(f"{CRM}/public/leads", json=body)).json()["id"] for _ in range(2)}
        (lead_id,) = ids
        assert [each["title"] for each in await of_lead(owner, lead_id)] == ["Erstkontakt"]


class TestPost:
    async def test_is_for_whoever_has_the_lead(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        new, advisor = await lead(owner, organization), str(organization.member("service_advisor").user_id)
        await owner.post(f"{LEADS}/{new['id']}/assign", json={"user_id": advisor})
        made = await follow_up(owner, new["id"], utc_now() + timedelta(days=2), kind="visit", note="mit Kaffee")
        assert (made["assigned_to"], made["kind"], made["note"]) == (advisor, "visit", "mit Kaffee")
        assert (made["workshop_id"], made["status"], made["revision"]) == (new["workshop_id"], "open", 1)

    async def test_is_refused_for_who_does_not_see_the_workshop(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        new, technician = await lead(owner, organization), str(organization.member("technician").user_id)
        body = {"title": "Anrufen", "due_at": utc_now().isoformat(), "assigned_to": technician}
        answer = await owner.post(f"{LEADS}/{new['id']}/follow-ups", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "assignee_not_found")

    async def test_is_refused_for_a_closed_lead(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        path = f"{LEADS}/{(await lead(owner, organization))['id']}"
        await owner.post(f"{path}/lose", json={"reason": "zu teuer"})
        body = {"title": "Anrufen", "due_at": utc_now().isoformat()}
        answer = await owner.post(f"{path}/follow-ups", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "lead_closed")

    async def test_is_refused_for_who_may_only_read(
        self, connect: Connect, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        viewer, new = connect("crm", organization, "viewer"), await lead(owner, organization)
        assert len(await of_lead(viewer, new["id"])) == 1
        body = {"title": "Anrufen", "due_at": utc_now().isoformat()}
        assert (await viewer.post(f"{LEADS}/{new['id']}/follow-ups", json=body)).status_code == 403


class TestList:
    async def test_goes_by_the_due_date_through_all_leads_once(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        leads = [(await lead(owner, organization, number % 2))["id"] for number in range(2)]
        soon = utc_now() + timedelta(minutes=5)
        made = [await follow_up(owner, leads[n % 2], soon + timedelta(minutes=n % 3)) for n in range(7)]
        expected = [each["id"] for each in sorted(made, key=lambda each: (each["due_at"], each["id"]))]
        query: Found = {"limit": 3, "due_before": (soon + timedelta(hours=1)).isoformat()}
        seen: list[str] = []
        while True:
            page = (await owner.get(FOLLOW_UPS, params=query)).raise_for_status().json()
            seen += [each["id"] for each in page["items"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert expected == seen

    async def test_knows_whose_where_and_whether_done(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        advisor = str(organization.member("service_advisor").user_id)
        here, there = [(await lead(owner, organization, number))["id"] for number in range(2)]
        mine = await follow_up(owner, here, utc_now() + timedelta(days=1), assigned_to=advisor)
        done = (await of_lead(owner, there))[0]
        await owner.post(f"{FOLLOW_UPS}/{done['id']}/complete")

        async def ids(**query: str) -> list[str]:
            return [each["id"] for each in (await owner.get(FOLLOW_UPS, params=query)).json()["items"]]

        assert await ids(assigned_to=advisor) == [mine["id"]]
        assert await ids(status="done") == [done["id"]]
        assert await ids(workshop_id=str(organization.workshops[1])) == []
        assert len(await ids()) == 2

    async def test_ends_at_the_own_workshop(
        self, connect: Connect, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        here, there = [(await lead(owner, organization, number))["id"] for number in range(2)]
        advisor = connect("crm", organization, "service_advisor")
        assert [each["lead_id"] for each in (await advisor.get(FOLLOW_UPS)).json()["items"]] == [here]
        foreign = (await of_lead(owner, there))[0]
        assert (await advisor.get(f"{FOLLOW_UPS}/{foreign['id']}")).status_code == 404
        assert (await advisor.get(f"{LEADS}/{there}/follow-ups")).status_code == 404


class TestPatch:
    async def test_changes_what_was_read(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        known, advisor = await first(owner, organization), str(organization.member("service_advisor").user_id)
        assert (await owner.patch(f"{FOLLOW_UPS}/{known['id']}", json={"note": "x"})).status_code == 428
        answer = await changed(owner, known, assigned_to=advisor, title="Rückruf", kind="other")
        assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
        now = answer.json()
        assert (now["assigned_to"], now["title"], now["kind"], now["due_at"]) == (
            advisor,
            "Rückruf",
            "other",
            known["due_at"],
        )
        assert (await changed(owner, known, note="x")).status_code == 412
        assert (await changed(owner, now, assigned_to=None)).json()["assigned_to"] is None

    async def test_gives_it_to_nobody_who_does_not_see_the_workshop(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        technician = str(organization.member("technician").user_id)
        answer = await changed(owner, await first(owner, organization), assigned_to=technician)
        assert (answer.status_code, answer.json()["code"]) == (404, "assignee_not_found")


class TestComplete:
    async def test_happens_once_and_leaves_nothing_to_change(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        path = f"{FOLLOW_UPS}/{(await first(owner, organization))['id']}"
        done = await owner.post(f"{path}/complete", headers={"if-match": '"1"'})
        assert (done.status_code, done.json()["status"], done.json()["revision"]) == (200, "done", 2)
        assert done.json()["done_at"] is not None
        again = await owner.post(f"{path}/complete")
        assert (again.status_code, again.json()["code"]) == (409, "follow_up_over")
        assert (await changed(owner, done.json(), note="x")).json()["code"] == "follow_up_over"


class TestClosing:
    @pytest.mark.parametrize(
        ("step", "body"), [("lose", {"reason": "zu teuer"}), ("spam", {}), ("convert", {})], ids=str
    )
    async def test_cancels_what_was_open_and_keeps_what_was_done(
        self, owner: httpx.AsyncClient, organization: Organization, step: str, body: Found
    ) -> None:
        new = await lead(owner, organization)
        (done,) = await of_lead(owner, new["id"])
        await owner.post(f"{FOLLOW_UPS}/{done['id']}/complete")
        await follow_up(owner, new["id"], utc_now() + timedelta(days=2))
        (await owner.post(f"{LEADS}/{new['id']}/{step}", json=body)).raise_for_status()
        assert [each["status"] for each in await of_lead(owner, new["id"])] == ["done", "cancelled"]

    @pytest.mark.parametrize("step", ["contact", "qualify"])
    async def test_is_not_what_a_step_on_the_way_does(
        self, owner: httpx.AsyncClient, organization: Organization, step: str
    ) -> None:
        new = await lead(owner, organization)
        for each in ("contact", step):
            (await owner.post(f"{LEADS}/{new['id']}/{each}", json={})).raise_for_status()
        assert [each["status"] for each in await of_lead(owner, new["id"])] == ["open"]

    async def test_by_deleting_takes_them_along_and_announces_nothing(
        self, owner: httpx.AsyncClient, organization: Organization, runtime: Runtime
    ) -> None:
        known = await first(owner, organization)
        key = await reminder(runtime, organization, known)
        assert key is not None
        assert (await owner.delete(f"{LEADS}/{known['lead_id']}", headers={"if-match": '"1"'})).status_code == 204
        assert (await owner.get(f"{FOLLOW_UPS}/{known['id']}")).status_code == 404
        await remind(runtime, await taken(runtime, organization, key))
        assert await announced(runtime, organization, known) == []


class TestReminder:
    async def test_is_announced_once_although_two_hold_its_timer(
        self, owner: httpx.AsyncClient, organization: Organization, runtime: Runtime
    ) -> None:
        known = await first(owner, organization)
        key = await reminder(runtime, organization, known)
        assert key is not None
        early, late = [await taken(runtime, organization, key) for _ in range(2)]
        await asyncio.gather(remind(runtime, early), remind(runtime, late), remind(runtime, late))
        assert await announced(runtime, organization, known) == [1]
        assert await reminder(runtime, organization, known) is None
        assert (await owner.get(f"{FOLLOW_UPS}/{known['id']}")).json()["revision"] == 1

    async def test_is_announced_once_by_two_workers_when_the_time_comes(
        self, owner: httpx.AsyncClient, organization: Organization, runtime: Runtime, workers: None, eventually: Any
    ) -> None:
        new = await lead(owner, organization)
        soon = utc_now() + timedelta(seconds=0.5)
        made = [await follow_up(owner, new["id"], soon) for _ in range(20)]
        other = TimerLoop(runtime.database, {TIMER: remind_by(runtime)}, utc_now)
        running = asyncio.create_task(other.run())
        try:
            for each in made:

                async def told(each: Found = each) -> bool:
                    return bool(await announced(runtime, organization, each))

                await eventually(told)
        finally:
            running.cancel()
        assert utc_now() >= soon
        assert [await announced(runtime, organization, each) for each in made] == [[1]] * len(made)

    async def test_moves_with_the_due_date_and_is_announced_for_each(
        self, owner: httpx.AsyncClient, organization: Organization, runtime: Runtime
    ) -> None:
        known = await first(owner, organization)
        old = await reminder(runtime, organization, known)
        assert old is not None
        earlier = (utc_now() + timedelta(hours=2)).isoformat()
        moved = (await changed(owner, known, due_at=earlier)).json()
        await remind(runtime, await taken(runtime, organization, old))
        assert await announced(runtime, organization, known) == []
        new = await reminder(runtime, organization, known)
        assert new is not None
        assert await due_at(runtime, new) == datetime.fromisoformat(moved["due_at"])
        await remind(runtime, await taken(runtime, organization, new))
        assert await announced(runtime, organization, known) == [2]
        later = await changed(owner, moved, due_at=(utc_now() + timedelta(days=3)).isoformat())
        last = await reminder(runtime, organization, known)
        assert last is not None
        await remind(runtime, await taken(runtime, organization, last))
        assert await announced(runtime, organization, known) == [2, later.json()["revision"]]

    async def test_stays_with_the_due_date_when_something_else_changes(
        self, owner: httpx.AsyncClient, organization: Organization, runtime: Runtime
    ) -> None:
        known = await first(owner, organization)
        before = await reminder(runtime, organization, known)
        assert (await changed(owner, known, note="ruft zurück", due_at=known["due_at"])).status_code == 200
        assert await reminder(runtime, organization, known) == before is not None

    @pytest.mark.parametrize("ending", ["complete", "lose"])
    async def test_is_not_announced_of_what_is_done_or_cancelled(
        self, owner: httpx.AsyncClient, organization: Organization, runtime: Runtime, ending: str
    ) -> None:
        known = await first(owner, organization)
        key = await reminder(runtime, organization, known)
        assert key is not None
        if ending == "complete":
            await owner.post(f"{FOLLOW_UPS}/{known['id']}/complete")
        else:
            await owner.post(f"{LEADS}/{known['lead_id']}/lose", json={"reason": "zu teuer"})
        await remind(runtime, await taken(runtime, organization, key))
        assert await announced(runtime, organization, known) == []

    async def test_is_heard_by_a_webhook(
        self, owner: httpx.AsyncClient, organization: Organization, runtime: Runtime, workers: None, eventually: Any
    ) -> None:
        body = {"url": "http://127.0.0.1:1/hook", "events": ["follow_up.due"]}
        (await owner.post(f"{CRM}/webhooks", json=body)).raise_for_status()
        known = await follow_up(owner, (await lead(owner, organization))["id"], datetime.now(UTC))

        async def payload() -> bytes | None:
            async with runtime.database.transaction(Context(organization_id=organization.id)) as tx:
                sql = "SELECT payload FROM crm.webhook_deliveries WHERE organization_id = $1"
                return await tx.value(bytes, sql, tx.organization_id)

        told = msgspec.json.decode(await eventually(payload))
        expected = {"task_id": known["id"], "lead_id": known["lead_id"], "workshop_id": known["workshop_id"]}
        assert (told["type"], told["data"]) == ("follow_up.due", expected)


def remind_by(runtime: Runtime) -> Any:
    async def handler(due: Due) -> None:
        await remind(runtime, due)

    return handler


async def due_at(runtime: Runtime, key: UUID) -> datetime:
    async with runtime.database.transaction(Context()) as tx:
        found = await tx.value(datetime, "SELECT due_at FROM timers WHERE key = $1", key)
    assert found is not None
    return found
