"""Writing to customers: what leaves, what the gate refuses, and what follows from objections and dead mailboxes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP

from carbot_contracts.crm import ConsentChanged, VehicleDue
from carbot_core.clock import utc_now
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.service import Runtime
from carbot_core.timers import Due
from carbot_crm.communications.events import send_due_message
from carbot_crm.communications.models import TIMER
from carbot_testing.customers import store_customer, store_vehicle
from carbot_testing.mailbox import Mailbox
from carbot_testing.plugin import Connect
from carbot_testing.running import Place
from carbot_testing.world import Organization, World

CRM = "/api/crm/v1"
UNSUBSCRIBE = f"{CRM}/public/unsubscribe"


@pytest_asyncio.fixture(scope="session")
async def organization(world: World) -> Organization:
    return await world.organization(workshops=2, members=(("owner", None), ("service_advisor", (0,)), ("viewer", None)))


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


class Customer(msgspec.Struct, frozen=True):
    id: UUID
    email: str
    path: str


@pytest_asyncio.fixture
async def customer(api_databases: dict[str, Database], organization: Organization) -> Customer:
    email = f"ayse-{uuid4().hex}@example.org"
    found = await store_customer(
        api_databases["crm"], organization.id, email=email, workshop_id=organization.workshops[0], phone="+4930901820"
    )
    return Customer(found, email, f"{CRM}/customers/{found}")


def message(**changes: Any) -> dict[str, Any]:
    return {"purpose": "answer", "subject": "Ihre Frage", "body": "Guten Tag,\n\nja, das geht <morgen>.", **changes}


def advertisement(**changes: Any) -> dict[str, Any]:
    return message(purpose="hu_reminder", subject="Ihre HU", **changes)


async def wrote(owner: httpx.AsyncClient, customer: Customer, body: dict[str, Any]) -> dict[str, Any]:
    answer = await owner.post(f"{customer.path}/communications", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def said(owner: httpx.AsyncClient, customer: Customer, state: str, **changes: Any) -> dict[str, Any]:
    body = {"channel": "email", "state": state, "source": "written"}
    body |= {} if state == "objected" else {"purpose": "hu_reminder", "text_version": "2026-01"}
    answer = await owner.post(f"{customer.path}/consents", json={**body, **changes})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def read(owner: httpx.AsyncClient, communication_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await owner.get(f"{CRM}/communications/{communication_id}")).json()
    return found


async def now_due(database: Database, organization: Organization, communication_id: str) -> Due:
    """Take the timer of a message that is scheduled for later, as the loop will."""
    key = UUID(communication_id)
    async with database.transaction(Context(organization_id=organization.id)) as tx:
        attempts = await tx.value(
            int, "UPDATE timers SET attempts = attempts + 1 WHERE key = $1 RETURNING attempts", key
        )
    assert attempts is not None
    return Due(organization.id, TIMER, key, attempts)


async def has_timer(database: Database, due: Due) -> bool:
    async with database.transaction(Context(organization_id=due.organization_id)) as tx:
        return await tx.value(bool, "SELECT EXISTS (SELECT FROM timers WHERE key = $1)", due.key) is True


def later(**changes: Any) -> dict[str, Any]:
    return {"send_at": (utc_now() + timedelta(days=30)).isoformat(), **changes}


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


class TestServiceMessage:
    async def test_arrives_in_the_name_of_the_firm_and_offers_nothing_to_object_to(
        self, owner: httpx.AsyncClient, customer: Customer, mailbox: Mailbox, workers: None, eventually: Any
    ) -> None:
        queued = await wrote(owner, customer, message())
        assert (queued["status"], queued["verdict"], queued["ground"]) == ("scheduled", "allow", "service_message")
        mail = await mailbox.wait_for(customer.email)
        assert (mail["From"], mail["Subject"]) == ("Autohaus Müller GmbH <noreply@carbot.test>", "Ihre Frage")
        assert mail["Message-ID"] == f"<{queued['id']}@carbot.test>"
        assert mail["List-Unsubscribe"] is None
        assert "<p>ja, das geht &lt;morgen&gt;.</p>" in text_of(mail, "html")

        async def sent() -> dict[str, Any] | None:
            found = await read(owner, queued["id"])
            return found if found["status"] == "sent" else None

        found = await eventually(sent)
        assert (found["attempts"], found["norm"], found["recipient"]) == (1, "Art. 6(1)(b) GDPR", customer.email)
        assert found["sent_at"] is not None


class TestAdvertisement:
    async def test_is_refused_visibly_without_a_ground(
        self, owner: httpx.AsyncClient, customer: Customer, mailbox: Mailbox
    ) -> None:
        refused = await wrote(owner, customer, advertisement())
        assert (refused["status"], refused["ground"]) == ("refused", "consent_missing")
        assert refused["norm"] == "section 7(2) no. 2 UWG"
        assert refused["unmet"] == ["sale", "similar_goods", "notice_at_collection"]
        page = (await owner.get(f"{CRM}/communications", params={"status": "refused"})).json()["items"]
        assert refused["id"] in {each["id"] for each in page}
        assert [each["id"] for each in (await owner.get(f"{customer.path}/communications")).json()["items"]] == [
            refused["id"]
        ]
        assert mailbox.to(customer.email) == []

    async def test_arrives_with_consent_and_says_how_to_object(
        self, owner: httpx.AsyncClient, customer: Customer, mailbox: Mailbox, workers: None
    ) -> None:
        await said(owner, customer, "confirmed", source="online")
        queued = await wrote(owner, customer, advertisement())
        assert (queued["verdict"], queued["ground"]) == ("allow", "consent")
        mail = await mailbox.wait_for(customer.email)
        link = mail["List-Unsubscribe"].strip("<>")
        assert link.startswith(f"https://app.carbot.test{UNSUBSCRIBE}?token=un_")
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "widersprechen" in text_of(mail)
        assert link in text_of(mail)
        assert f'href="{link}"' in text_of(mail, "html")

    async def test_arrives_by_the_existing_customer_rule(self, owner: httpx.AsyncClient, customer: Customer) -> None:
        sale = {"channel": "email", "goods": "repair", "sold_on": "2026-03-02"}
        assert (await owner.post(f"{customer.path}/sale-addresses", json=sale)).status_code == 201
        refused = await wrote(owner, customer, advertisement())
        assert (refused["status"], refused["unmet"]) == ("refused", ["notice_at_collection"])
        noticed = {**sale, "notice_version": "2026-01"}
        assert (await owner.post(f"{customer.path}/sale-addresses", json=noticed)).status_code == 201
        verdict = (await owner.get(f"{customer.path}/send-verdict", params={"purpose": "hu_reminder"})).json()
        assert (verdict["is_allowed"], verdict["ground"], verdict["norm"]) == (
            True,
            "existing_customer",
            "section 7(3) UWG",
        )

    async def test_is_judged_when_it_is_due_and_not_before(
        self,
        owner: httpx.AsyncClient,
        customer: Customer,
        organization: Organization,
        place: Place,
        mailbox: Mailbox,
        worker_databases: dict[str, Database],
    ) -> None:
        await said(owner, customer, "granted")
        scheduled = await wrote(owner, customer, advertisement(**later()))
        assert (scheduled["status"], scheduled["verdict"]) == ("scheduled", None)
        await said(owner, customer, "withdrawn")
        database = worker_databases["crm"]
        due = await now_due(database, organization, scheduled["id"])
        await send_due_message(Runtime(place.settings("crm", "worker"), database, utc_now), due)
        found = await read(owner, scheduled["id"])
        assert (found["status"], found["ground"], found["norm"]) == ("refused", "consent_withdrawn", "Art. 7(3) GDPR")
        assert not await has_timer(database, due)
        assert mailbox.to(customer.email) == []

    async def test_does_not_go_to_an_address_that_the_consent_was_not_given_for(
        self,
        owner: httpx.AsyncClient,
        customer: Customer,
        organization: Organization,
        api_databases: dict[str, Database],
    ) -> None:
        await said(owner, customer, "granted")
        async with api_databases["crm"].transaction(Context(organization_id=organization.id)) as tx:
            await tx.execute(
                "UPDATE crm.customers SET email = 'other@example.org' WHERE organization_id = $1 AND id = $2",
                organization.id,
                customer.id,
            )
        assert (await wrote(owner, customer, advertisement()))["ground"] == "consent_for_another_address"

    async def test_is_refused_while_the_customer_is_restricted(
        self,
        owner: httpx.AsyncClient,
        customer: Customer,
        organization: Organization,
        api_databases: dict[str, Database],
    ) -> None:
        async with api_databases["crm"].transaction(Context(organization_id=organization.id)) as tx:
            await tx.execute(
                "UPDATE crm.customers SET restricted_at = now() WHERE organization_id = $1 AND id = $2",
                organization.id,
                customer.id,
            )
        assert (await wrote(owner, customer, message()))["ground"] == "customer_restricted"


class TestChannel:
    async def test_that_nothing_is_behind_is_refused_visibly(
        self, owner: httpx.AsyncClient, customer: Customer
    ) -> None:
        refused = await wrote(owner, customer, message(channel="sms"))
        assert (refused["status"], refused["ground"]) == ("refused", "channel_not_configured")


class TestTouchpoint:
    async def test_is_noted_and_not_sent(self, owner: httpx.AsyncClient, customer: Customer) -> None:
        note = {"channel": "phone", "direction": "inbound", "body": "Fragt nach dem Preis"}
        noted = (await owner.post(f"{customer.path}/touchpoints", json=note)).json()
        assert (noted["status"], noted["purpose"], noted["verdict"]) == ("recorded", None, None)
        items = (await owner.get(f"{customer.path}/communications")).json()["items"]
        assert [each["id"] for each in items] == [noted["id"]]


class TestCancel:
    async def test_takes_back_what_is_scheduled_and_nothing_else(
        self, owner: httpx.AsyncClient, customer: Customer
    ) -> None:
        scheduled = await wrote(owner, customer, message(**later()))
        path = f"{CRM}/communications/{scheduled['id']}/cancel"
        assert (await owner.post(path)).json()["status"] == "cancelled"
        again = await owner.post(path)
        assert (again.status_code, again.json()["communication_status"]) == (409, "cancelled")

    async def test_keeps_it_from_being_sent(
        self,
        owner: httpx.AsyncClient,
        customer: Customer,
        organization: Organization,
        place: Place,
        mailbox: Mailbox,
        worker_databases: dict[str, Database],
    ) -> None:
        scheduled = await wrote(owner, customer, message(**later()))
        await owner.post(f"{CRM}/communications/{scheduled['id']}/cancel")
        database = worker_databases["crm"]
        due = await now_due(database, organization, scheduled["id"])
        await send_due_message(Runtime(place.settings("crm", "worker"), database, utc_now), due)
        assert mailbox.to(customer.email) == []
        assert not await has_timer(database, due)


class TestRequest:
    async def test_is_refused_with_neither_a_text_nor_a_template(
        self, owner: httpx.AsyncClient, customer: Customer
    ) -> None:
        for body in ({"purpose": "tyre_reminder"}, {"purpose": "answer", "subject": "Nur das"}):
            answer = await owner.post(f"{customer.path}/communications", json=body)
            assert (answer.status_code, answer.json()["code"]) == (422, "content_missing")

    @pytest.mark.parametrize("days", [-1, 400])
    async def test_is_refused_for_a_moment_that_is_past_or_after_next_year(
        self, owner: httpx.AsyncClient, customer: Customer, days: int
    ) -> None:
        far = message(send_at=(utc_now() + timedelta(days=days)).isoformat())
        answer = await owner.post(f"{customer.path}/communications", json=far)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_moment")

    async def test_is_refused_to_a_viewer_and_at_another_workshop(
        self,
        connect: Connect,
        organization: Organization,
        api_databases: dict[str, Database],
        customer: Customer,
    ) -> None:
        viewer = connect("crm", organization, "viewer")
        assert (await viewer.post(f"{customer.path}/communications", json=message())).status_code == 403
        elsewhere = await store_customer(api_databases["crm"], organization.id, workshop_id=organization.workshops[1])
        advisor = connect("crm", organization, "service_advisor")
        answer = await advisor.post(f"{CRM}/customers/{elsewhere}/communications", json=message())
        assert (answer.status_code, answer.json()["code"]) == (404, "customer_not_found")


class TestUnsubscribe:
    @pytest_asyncio.fixture
    async def link(self, owner: httpx.AsyncClient, customer: Customer, mailbox: Mailbox, workers: None) -> str:
        """The path of the link in an advertisement that the customer got."""
        await said(owner, customer, "granted")
        await wrote(owner, customer, advertisement())
        url = (await mailbox.wait_for(customer.email))["List-Unsubscribe"].strip("<>")
        return str(url.removeprefix("https://app.carbot.test"))

    async def test_by_one_click_ends_advertising_and_nothing_else(
        self, connect: Connect, owner: httpx.AsyncClient, customer: Customer, link: str
    ) -> None:
        stranger = connect("crm")
        assert (await stranger.get(link)).json() == {
            "sender": "Autohaus Müller GmbH",
            "channel": "email",
            "is_unsubscribed": False,
        }
        for _ in range(2):
            clicked = await stranger.post(
                link,
                content="List-Unsubscribe=One-Click",
                headers={"content-type": "application/x-www-form-urlencoded"},
            )
            assert (clicked.status_code, clicked.json()["is_unsubscribed"]) == (200, True)
        assert (await stranger.get(link)).json()["is_unsubscribed"] is True
        records = (await owner.get(f"{customer.path}/consents")).json()["items"]
        assert [(each["state"], each["source"], each["purpose"]) for each in records] == [
            ("objected", "link", "all"),
            ("granted", "written", "hu_reminder"),
        ]
        refused = await wrote(owner, customer, advertisement())
        assert (refused["ground"], refused["norm"]) == ("objection", "Art. 21(3) GDPR, section 7(3) no. 3 UWG")
        assert (await wrote(owner, customer, message()))["status"] == "scheduled"

    async def test_is_ended_by_a_consent_that_comes_later_and_only_for_its_purpose(
        self, connect: Connect, owner: httpx.AsyncClient, customer: Customer, link: str
    ) -> None:
        assert (await connect("crm").post(link)).status_code == 200
        await said(owner, customer, "granted")
        for purpose, allowed in (("hu_reminder", True), ("newsletter", False)):
            verdict = (await owner.get(f"{customer.path}/send-verdict", params={"purpose": purpose})).json()
            assert verdict["is_allowed"] is allowed, purpose

    async def test_by_a_made_up_link_is_refused(self, connect: Connect, link: str) -> None:
        stranger, token = connect("crm"), link.partition("token=")[2]
        forged = token[:-1] + ("A" if token[-1] != "A" else "B")
        prefix, organization_id, communication_id, secret = token.split("_", 3)
        others = f"{prefix}_{uuid4().hex}_{communication_id}_{secret}"
        for text in (forged, others, "", "x", organization_id):
            for method in ("GET", "POST"):
                answer = await stranger.request(method, UNSUBSCRIBE, params={"token": text})
                assert (answer.status_code, answer.json()["code"]) == (404, "unsubscribe_link_not_valid"), text


class Refusing:
    """A mail server that takes no mail: because of the recipient, or of what is in it."""

    def __init__(self) -> None:
        self.recipient = "550 5.1.1 nobody of that name"
        self.content = "554 5.6.0 not like that"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.recipient

    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802 - aiosmtpd's name
        return self.content


@pytest_asyncio.fixture
async def refusing() -> AsyncIterator[tuple[Refusing, str]]:
    """A mail server that takes no recipient, and its address."""
    handler, loop = Refusing(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, loop=loop), "127.0.0.1", 0)
    yield handler, f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()


class TestSend:
    @pytest_asyncio.fixture
    async def runtime(self, place: Place, worker_databases: dict[str, Database]) -> Runtime:
        return Runtime(place.settings("crm", "worker"), worker_databases["crm"], utc_now)

    async def test_tries_again_until_the_server_takes_it(
        self,
        owner: httpx.AsyncClient,
        customer: Customer,
        organization: Organization,
        mailbox: Mailbox,
        runtime: Runtime,
    ) -> None:
        down = msgspec.structs.replace(
            runtime, settings=msgspec.structs.replace(runtime.settings, smtp_url="smtp://127.0.0.1:1")
        )
        scheduled = await wrote(owner, customer, message(**later()))
        await send_due_message(down, await now_due(runtime.database, organization, scheduled["id"]))
        found = await read(owner, scheduled["id"])
        assert (found["status"], found["failure"], found["attempts"]) == ("scheduled", "SMTPConnectError", 1)
        # The pause is over.
        due = await now_due(runtime.database, organization, scheduled["id"])
        await send_due_message(runtime, due)
        assert (await read(owner, scheduled["id"]))["status"] == "sent"
        assert not await has_timer(runtime.database, due)
        assert len(mailbox.to(customer.email)) == 1

    async def test_to_nobody_bounces_and_ends_every_message_to_the_address(
        self,
        owner: httpx.AsyncClient,
        customer: Customer,
        organization: Organization,
        runtime: Runtime,
        refusing: tuple[Refusing, str],
    ) -> None:
        server = msgspec.structs.replace(
            runtime, settings=msgspec.structs.replace(runtime.settings, smtp_url=refusing[1])
        )
        scheduled = await wrote(owner, customer, message(**later()))
        due = await now_due(runtime.database, organization, scheduled["id"])
        await send_due_message(server, due)
        found = await read(owner, scheduled["id"])
        assert (found["status"], found["failure"], found["attempts"]) == ("bounced", "SMTP 550", 1)
        assert not await has_timer(runtime.database, due)
        assert (await wrote(owner, customer, message()))["ground"] == "address_undeliverable"

    @pytest.mark.parametrize("recipient", ["552 5.2.2 mailbox full", "550 5.7.1 we know you", "250 2.1.5 welcome"])
    async def test_that_is_refused_but_not_because_nobody_is_there_fails_and_forbids_nothing(
        self,
        recipient: str,
        owner: httpx.AsyncClient,
        customer: Customer,
        organization: Organization,
        runtime: Runtime,
        refusing: tuple[Refusing, str],
    ) -> None:
        refusing[0].recipient = recipient
        server = msgspec.structs.replace(
            runtime, settings=msgspec.structs.replace(runtime.settings, smtp_url=refusing[1])
        )
        scheduled = await wrote(owner, customer, message(**later()))
        await send_due_message(server, await now_due(runtime.database, organization, scheduled["id"]))
        assert (await read(owner, scheduled["id"]))["status"] == "failed"
        assert (await wrote(owner, customer, message(**later())))["status"] == "scheduled"


class TestRemind:
    @pytest_asyncio.fixture
    async def firm(self, world: World) -> Organization:
        return await world.organization()

    async def publish(self, owner: httpx.AsyncClient, language: str, subject: str) -> None:
        template = (await owner.post(f"{CRM}/templates", json={"name": "HU", "purpose": "hu_reminder"})).json()["id"]
        wording = {"language": language, "subject": subject, "body": "$name: $plate ($vehicle) $due"}
        version = (await owner.post(f"{CRM}/templates/{template}/versions", json=wording)).json()["id"]
        assert (await owner.post(f"{CRM}/template-versions/{version}/publish")).status_code == 200

    async def test_queues_a_message_that_the_gate_decides_once_for_each_day(
        self,
        world: World,
        firm: Organization,
        connect: Connect,
        workers: None,
        eventually: Any,
        api_databases: dict[str, Database],
        mailbox: Mailbox,
    ) -> None:
        owner = connect("crm", firm)
        email = f"hu-{uuid4().hex}@example.org"
        person = await store_customer(api_databases["crm"], firm.id, email=email, language="tr")
        vehicle = await store_vehicle(api_databases["crm"], firm.id)
        due = VehicleDue(vehicle_id=vehicle, workshop_id=None, customer_id=person, kind="hu", due_on=date(2027, 3, 31))
        path = f"{CRM}/customers/{person}"
        await world.tell(firm.id, due)
        assert (await owner.get(f"{path}/communications")).json()["items"] == []
        await self.publish(owner, "de", "HU fällig im $due")
        await world.tell(firm.id, due)
        await world.tell(firm.id, due)

        async def decided() -> dict[str, Any] | None:
            items = (await owner.get(f"{path}/communications")).json()["items"]
            assert len(items) == 1
            return items[0] if items[0]["status"] != "scheduled" else None

        refused = await eventually(decided)
        assert (refused["status"], refused["ground"], refused["purpose"]) == (
            "refused",
            "consent_missing",
            "hu_reminder",
        )
        assert (refused["subject"], refused["body"]) == (
            "HU fällig im 03/2027",
            "Ayşe Demir: B-CB 1234 (VW Golf) 03/2027",
        )
        consent = {"channel": "email", "purpose": "hu_reminder", "state": "granted", "source": "written"}
        await owner.post(f"{path}/consents", json={**consent, "text_version": "2026-01"})
        await world.tell(firm.id, msgspec.structs.replace(due, due_on=date(2029, 3, 31)))
        mail = await mailbox.wait_for(email)
        assert mail["Subject"] == "HU fällig im 03/2029"

    async def test_says_nothing_of_what_nobody_asked_to_be_reminded_of(
        self, world: World, firm: Organization, connect: Connect, api_databases: dict[str, Database]
    ) -> None:
        owner = connect("crm", firm)
        person = await store_customer(api_databases["crm"], firm.id)
        vehicle = await store_vehicle(api_databases["crm"], firm.id)
        await self.publish(owner, "de", "HU")
        for due in (
            VehicleDue(vehicle_id=vehicle, workshop_id=None, customer_id=person, kind="own", due_on=date(2027, 3, 31)),
            VehicleDue(vehicle_id=vehicle, workshop_id=None, customer_id=None, kind="hu", due_on=date(2027, 3, 31)),
            VehicleDue(vehicle_id=vehicle, workshop_id=None, customer_id=uuid4(), kind="hu", due_on=date(2027, 3, 31)),
        ):
            await world.tell(firm.id, due)
        assert (await owner.get(f"{CRM}/communications")).json()["items"] == []


class TestConsentEvent:
    async def test_counts_whoever_proves_it_and_an_older_one_no_more(
        self, world: World, organization: Organization, owner: httpx.AsyncClient, customer: Customer
    ) -> None:
        recorded = await said(owner, customer, "withdrawn")
        path = f"{customer.path}/send-verdict"
        assert (await owner.get(path, params={"purpose": "hu_reminder"})).json()["ground"] == "consent_withdrawn"
        event = ConsentChanged(
            customer_id=customer.id,
            record_id=uuid4(),
            channel="email",
            purpose="hu_reminder",
            state="granted",
            source="oral",
            text_version="2026-01",
            occurred_at=datetime.now(UTC),
        )
        await world.tell(organization.id, event, version=recorded["version"])
        assert (await owner.get(path, params={"purpose": "hu_reminder"})).json()["ground"] == "consent_withdrawn"
        await world.tell(organization.id, event, version=recorded["version"] + 1)
        verdict = (await owner.get(path, params={"purpose": "hu_reminder"})).json()
        assert verdict["ground"] == "consent_for_another_address"
