"""Webhooks: who hears of what, signed by which secrets, how long, and where they may lead."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
import pytest_asyncio

from carbot_contracts.crm import CustomerCreated, LeadConverted, LeadDeleted, VehicleDue
from carbot_contracts.event import Event
from carbot_core.clock import utc_now
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.jobs import JobLoop
from carbot_core.service import Runtime
from carbot_core.timers import Due
from carbot_crm.webhooks.events import send_due_delivery
from carbot_crm.webhooks.jobs import FORGET_DELIVERIES
from carbot_crm.webhooks.models import TIMER
from carbot_crm.webhooks.targets import TargetRefused, call, is_public, refuse_url, resolve
from carbot_testing.plugin import Connect
from carbot_testing.running import Place
from carbot_testing.world import Member, Organization, World

CRM = "/api/crm/v1"
WEBHOOKS = f"{CRM}/webhooks"


class Call(msgspec.Struct, frozen=True):
    head: list[str]
    headers: dict[str, str]
    body: bytes


class Receiver:
    """A system that hears of what happens."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answer = "204 No Content"
        self.text = ""
        self.url = ""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.calls.append(Call(head.split(), headers, body))
        answer = f"HTTP/1.1 {self.answer}\r\ncontent-length: {len(self.text)}\r\nconnection: close\r\n\r\n{self.text}"
        writer.write(answer.encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.take, "127.0.0.1", 0)
    receiver.url = f"http://localhost:{server.sockets[0].getsockname()[1]}/hook?x=1"
    yield receiver
    server.close()
    await server.wait_closed()


@pytest_asyncio.fixture
async def organization(world: World) -> Organization:
    return await world.organization(workshops=2, members=(("owner", None), ("admin", (0,)), ("manager", None)))


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


@pytest.fixture
def runtime(place: Place, worker_databases: dict[str, Database]) -> Runtime:
    return Runtime(place.settings("crm", "worker"), worker_databases["crm"], utc_now)


async def made(owner: httpx.AsyncClient, url: str, *events: str, **changes: Any) -> dict[str, Any]:
    answer = await owner.post(WEBHOOKS, json={"url": url, "events": events or ["lead.deleted"], **changes})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def deliveries(owner: httpx.AsyncClient, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await owner.get(f"{WEBHOOKS}/{webhook['id']}/deliveries")).json()["items"]
    return found


async def told(owner: httpx.AsyncClient, webhook: dict[str, Any], status: str, eventually: Any) -> dict[str, Any]:
    """Wait until the newest delivery of a webhook has come so far."""

    async def newest() -> dict[str, Any] | None:
        found = await deliveries(owner, webhook)
        return found[0] if found and found[0]["status"] == status and found[0]["attempts"] else None

    found: dict[str, Any] = await eventually(newest)
    return found


async def fire(runtime: Runtime, organization: Organization, delivery_id: str) -> None:
    """Let a delivery be due, as the loop does."""
    key = UUID(delivery_id)
    async with runtime.database.transaction(Context(organization_id=organization.id)) as tx:
        attempts = await tx.value(
            int, "UPDATE timers SET attempts = attempts + 1 WHERE key = $1 RETURNING attempts", key
        )
    assert attempts is not None
    await send_due_delivery(runtime, Due(organization.id, TIMER, key, attempts))


def signatures(header: str) -> tuple[int, list[str]]:
    time, *given = header.split(",")
    return int(time.removeprefix("t=")), [each.removeprefix("v1=") for each in given]


def signed(secret: str, time: int, body: bytes) -> str:
    return hmac.digest(secret.encode(), f"{time}.".encode() + body, "sha256").hex()


def lead_deleted(organization: Organization, workshop: int = 0) -> LeadDeleted:
    return LeadDeleted(lead_id=uuid4(), workshop_id=organization.workshops[workshop])


class TestEvent:
    async def test_arrives_signed_with_ids_and_no_more(
        self,
        owner: httpx.AsyncClient,
        organization: Organization,
        world: World,
        receiver: Receiver,
        workers: None,
        eventually: Any,
    ) -> None:
        webhook = await made(owner, receiver.url, "lead.converted")
        event = LeadConverted(lead_id=uuid4(), workshop_id=organization.workshops[0], customer_id=uuid4())
        await world.tell(organization.id, event)
        await world.tell(organization.id, lead_deleted(organization))
        delivery = await told(owner, webhook, "delivered", eventually)
        assert (delivery["response_status"], delivery["attempts"], delivery["type"]) == (204, 1, "lead.converted")
        (call,) = receiver.calls
        assert call.head == ["POST", "/hook?x=1", "HTTP/1.1"]
        assert call.headers["host"] == receiver.url.split("/")[2]
        assert call.headers["webhook-id"] == delivery["id"]
        time, given = signatures(call.headers["x-carbot-signature"])
        assert given == [signed(webhook["secret"], time, call.body)]
        assert abs(time - utc_now().timestamp()) < 60
        body = msgspec.json.decode(call.body)
        assert body.keys() == {"id", "type", "created_at", "data"}
        assert body["type"] == "lead.converted"
        assert body["data"] == {
            "lead_id": str(event.lead_id),
            "workshop_id": str(event.workshop_id),
            "customer_id": str(event.customer_id),
            "vehicle_id": None,
        }

    async def test_is_heard_of_at_its_workshop_and_by_those_who_hear_of_all(
        self, owner: httpx.AsyncClient, organization: Organization, world: World, receiver: Receiver
    ) -> None:
        of_all = await made(owner, receiver.url, "lead.deleted", "customer.created", "vehicle.due")
        of_first = await made(
            owner, receiver.url, "lead.deleted", "customer.created", workshop_id=str(organization.workshops[0])
        )
        events: tuple[Event, ...] = (
            lead_deleted(organization, 0),
            lead_deleted(organization, 1),
            CustomerCreated(customer_id=uuid4(), workshop_id=None),
            VehicleDue(vehicle_id=uuid4(), workshop_id=None, customer_id=None, kind="hu", due_on=utc_now().date()),
        )
        for event in events:
            await world.tell(organization.id, event)
        assert [each["type"] for each in await deliveries(owner, of_all)] == [
            "vehicle.due",
            "customer.created",
            "lead.deleted",
            "lead.deleted",
        ]
        assert [each["type"] for each in await deliveries(owner, of_first)] == ["lead.deleted"]

    async def test_is_told_to_nobody_whose_webhook_is_off(
        self, owner: httpx.AsyncClient, organization: Organization, world: World, receiver: Receiver
    ) -> None:
        webhook = await made(owner, receiver.url)
        off = await owner.patch(f"{WEBHOOKS}/{webhook['id']}", json={"is_active": False}, headers={"if-match": '"1"'})
        assert (off.status_code, off.json()["is_active"]) == (200, False)
        await world.tell(organization.id, lead_deleted(organization))
        assert await deliveries(owner, webhook) == []


class TestSecret:
    async def test_is_shown_once_and_while_rotating_two_sign(
        self,
        owner: httpx.AsyncClient,
        organization: Organization,
        receiver: Receiver,
        workers: None,
        eventually: Any,
    ) -> None:
        webhook = await made(owner, receiver.url)
        path = f"{WEBHOOKS}/{webhook['id']}"
        assert "secret" not in (await owner.get(path)).json()
        assert "secret" not in (await owner.get(WEBHOOKS)).json()["items"][0]
        rotated = (await owner.post(f"{path}/rotate", json={"overlap_hours": 1})).json()
        assert rotated["secret"] != webhook["secret"]
        assert (await owner.post(f"{path}/test")).status_code == 201
        delivery = await told(owner, webhook, "delivered", eventually)
        time, given = signatures(receiver.calls[0].headers["x-carbot-signature"])
        body = receiver.calls[0].body
        assert given == [signed(each["secret"], time, body) for each in (rotated, webhook)]
        # The hour is over: the one before counts no more.
        await owner.post(f"{path}/rotate", json={"overlap_hours": 0})
        await owner.post(f"{CRM}/webhook-deliveries/{delivery['id']}/replay")
        await eventually(lambda: len(receiver.calls) == 2)
        assert len(signatures(receiver.calls[1].headers["x-carbot-signature"])[1]) == 1
        assert receiver.calls[1].headers["webhook-id"] == receiver.calls[0].headers["webhook-id"]


class TestFailure:
    async def test_is_tried_again_for_a_day_and_then_switches_off(
        self,
        owner: httpx.AsyncClient,
        organization: Organization,
        world: World,
        receiver: Receiver,
        workers: None,
        eventually: Any,
        runtime: Runtime,
        worker_databases: dict[str, Database],
    ) -> None:
        receiver.answer, receiver.text = "500 Oh", "no \x00" + "x" * 5000
        webhook = await made(owner, receiver.url)
        await world.tell(organization.id, lead_deleted(organization))
        failed = await told(owner, webhook, "pending", eventually)
        assert (failed["response_status"], failed["failure"]) == (500, "not_taken")
        assert (len(failed["response"]), failed["response"][:5]) == (2048, "no \ufffdx")
        late = msgspec.structs.replace(runtime, clock=lambda: utc_now() + timedelta(hours=24))
        await fire(late, organization, failed["id"])
        assert (await deliveries(owner, webhook))[0]["status"] == "failed"
        disabled = (await owner.get(f"{WEBHOOKS}/{webhook['id']}")).json()
        assert disabled["is_active"] is False
        assert disabled["disabled_at"] is not None
        async with worker_databases["crm"].transaction(Context(organization_id=organization.id)) as tx:
            announced = await tx.value(str, "SELECT subject FROM outbox WHERE aggregate_id = $1", UUID(webhook["id"]))
        assert announced == "crm.webhook.disabled.v1"
        on = await owner.patch(
            f"{WEBHOOKS}/{webhook['id']}", json={"is_active": True}, headers={"if-match": f'"{disabled["revision"]}"'}
        )
        assert (on.json()["is_active"], on.json()["disabled_at"]) == (True, None)

    async def test_does_not_follow_where_it_is_sent(
        self, owner: httpx.AsyncClient, receiver: Receiver, workers: None, eventually: Any
    ) -> None:
        receiver.answer = "302 Found\r\nlocation: http://127.0.0.1:1/"
        webhook = await made(owner, receiver.url)
        await owner.post(f"{WEBHOOKS}/{webhook['id']}/test")
        assert (await told(owner, webhook, "pending", eventually))["response_status"] == 302


class TestReplay:
    async def test_waits_until_the_delivery_has_ended(
        self, owner: httpx.AsyncClient, organization: Organization, world: World, receiver: Receiver
    ) -> None:
        webhook = await made(owner, "http://127.0.0.1:1/")
        await world.tell(organization.id, lead_deleted(organization))
        delivery = (await deliveries(owner, webhook))[0]
        answer = await owner.post(f"{CRM}/webhook-deliveries/{delivery['id']}/replay")
        assert (answer.status_code, answer.json()["code"]) == (409, "delivery_not_ended")


class TestReach:
    async def test_of_a_member_of_one_workshop_ends_there(
        self, connect: Connect, organization: Organization, owner: httpx.AsyncClient
    ) -> None:
        admin = connect("crm", organization, Member(uuid4(), uuid4(), "admin", [organization.workshops[0]]))
        body = {"url": "https://example.org/hook", "events": ["lead.created"]}
        wide = await admin.post(WEBHOOKS, json=body)
        assert (wide.status_code, wide.json()["code"]) == (403, "webhook_too_wide")
        elsewhere = await admin.post(WEBHOOKS, json={**body, "workshop_id": str(organization.workshops[1])})
        assert elsewhere.status_code == 404
        own = await admin.post(WEBHOOKS, json={**body, "workshop_id": str(organization.workshops[0])})
        assert own.status_code == 201
        of_all = await made(owner, "https://example.org/hook")
        edit = await admin.patch(
            f"{WEBHOOKS}/{of_all['id']}", json={"url": "https://evil.example"}, headers={"if-match": '"1"'}
        )
        assert (edit.status_code, edit.json()["code"]) == (403, "webhook_too_wide")
        manager = connect("crm", organization, "manager")
        assert (await manager.get(WEBHOOKS)).status_code == 403

    async def test_ends_when_it_is_deleted(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        webhook = await made(owner, "https://example.org/hook")
        await owner.post(f"{WEBHOOKS}/{webhook['id']}/test")
        path = f"{WEBHOOKS}/{webhook['id']}"
        assert (await owner.delete(path)).status_code == 428
        assert (await owner.delete(path, headers={"if-match": '"1"'})).status_code == 204
        assert (await owner.get(path)).status_code == 404


class TestTarget:
    @pytest.mark.parametrize(
        "address",
        [
            "10.1.2.3",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "0.0.0.0",  # noqa: S104 - an address to refuse
            "224.0.1.1",
            "255.255.255.255",
            "192.0.2.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001:0:a00:1::",
        ],
    )
    def test_is_none_that_only_some_can_reach(self, address: str) -> None:
        assert not is_public(ip_address(address))

    @pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111"])
    def test_is_one_that_everybody_can_reach(self, address: str) -> None:
        assert is_public(ip_address(address))

    @pytest.mark.parametrize(
        "url",
        [
            "http://example.org/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://10.0.0.1:8443/x",
            "https://[::1/",
            "https://example.org:99999/",
        ],
    )
    def test_is_refused_as_it_is_written(self, url: str) -> None:
        assert refuse_url(url, is_production=True) is not None

    @pytest.mark.parametrize("url", ["https://example.org/", "https://example.org:8443/a?b=c", "https://8.8.8.8/"])
    def test_is_taken_as_it_is_written(self, url: str) -> None:
        assert refuse_url(url, is_production=True) is None

    @pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1"])
    async def test_is_judged_by_what_its_name_resolves_to(self, host: str) -> None:
        with pytest.raises((TargetRefused, OSError)):
            await resolve(host, 443, is_production=True)

    async def test_of_our_own_network_is_not_even_called_in_production(self, receiver: Receiver) -> None:
        for url in (receiver.url, receiver.url.replace("http:", "https:")):
            answer = await call(url, b"{}", {}, is_production=True)
            assert (answer.status, answer.failure) == (None, "target_not_public")
        assert receiver.calls == []

    async def test_is_called_at_the_address_that_was_judged(
        self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A name server that says something else the second time is not asked a second time."""
        port, asked = int(receiver.url.split(":")[2].split("/")[0]), list[str]()

        async def getaddrinfo(host: Any, *_: Any, **__: Any) -> list[Any]:
            asked.append(host if isinstance(host, str) else host.decode())
            return [(2, 1, 6, "", ("127.0.0.1" if asked.count("rebinding.example") < 2 else "10.0.0.1", port))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
        url = f"http://rebinding.example:{port}/hook"
        answer = await call(url, b"{}", {"content-type": "application/json"}, is_production=False)
        assert answer.status == 204
        assert asked.count("rebinding.example") == 1
        assert receiver.calls[0].headers["host"] == f"rebinding.example:{port}"

    @pytest.mark.parametrize(
        "url", ["https://127.0.0.1/", "ftp://example.org/", "https://user@example.org/", "https:///x"]
    )
    async def test_of_another_form_makes_no_webhook(self, owner: httpx.AsyncClient, url: str) -> None:
        answer = await owner.post(WEBHOOKS, json={"url": url, "events": ["lead.created"]})
        if url == "https://127.0.0.1/":
            assert answer.status_code == 201, "on a developer's machine"
        else:
            assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/url")


class TestForget:
    async def test_deletes_after_thirty_days_what_has_ended(
        self,
        owner: httpx.AsyncClient,
        organization: Organization,
        receiver: Receiver,
        worker_databases: dict[str, Database],
        workers: None,
        eventually: Any,
    ) -> None:
        taken, silent = await made(owner, receiver.url), await made(owner, "http://127.0.0.1:1/")
        for webhook in (taken, silent):
            await owner.post(f"{WEBHOOKS}/{webhook['id']}/test")
        await told(owner, taken, "delivered", eventually)
        later = datetime.now(UTC) + timedelta(days=31)
        job = msgspec.structs.replace(FORGET_DELIVERIES, name=f"forget-{uuid4()}")
        assert await JobLoop(worker_databases["crm"], (job,), lambda: later).run_if_due(job)
        assert (await deliveries(owner, taken), len(await deliveries(owner, silent))) == ([], 1)
