"""The journey of a workshop through the gateway: from registration to the end."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest

from carbot_local import lifecycle
from carbot_local.layout import SERVICES
from carbot_local.ports import left_over
from tests.e2e.conftest import RunningStack

TENANCY, CRM, BILLING, COMPLIANCE = (f"/api/{service}/v1" for service in SERVICES)
PASSWORD = "Zwölf Schrauben fehlen"
ORIGIN = "https://mueller.example"


@pytest.fixture(scope="module")
def client(stack: RunningStack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.gateway, timeout=10, trust_env=False) as client:
        yield client


def within[T](seconds: float, ask: Callable[[], T | None]) -> T:
    """Ask until there is an answer; fail after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        found = ask()
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)


def made(answer: httpx.Response, status: int = 201) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json() if answer.content else {}
    return body


class Journey:
    """What one step of the journey leaves for the next."""

    def __init__(self, stack: RunningStack, client: httpx.Client) -> None:
        self.stack = stack
        self.client = client
        self.email = f"joerg.mueller.{uuid4().hex[:8]}@example.org"
        self.advisor_email = f"anna.{uuid4().hex[:8]}@example.org"
        self.owner: dict[str, str] = {}
        self.advisor: dict[str, str] = {}
        self.workshops: list[str] = []
        self.key: dict[str, Any] = {}
        self.lead = ""

    def sign_in(self, email: str) -> dict[str, str]:
        answer = made(self.client.post(f"{TENANCY}/auth/login", json={"email": email, "password": PASSWORD}), 200)
        assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)
        self.session = answer
        return {"authorization": f"Bearer {answer['access_token']}"}

    def guest_lead(self, **headers: str) -> httpx.Response:
        return self.client.post(
            f"{CRM}/public/leads",
            headers={"x-carbot-key": self.key["key"], "origin": ORIGIN, **headers},
            json={
                "name": "Grażyna Wiśniewska",
                "phone": "0176 5550123",
                "email": "grazyna@example.org",
                "request": "Przegląd i hamulce",
                "vehicle": "Skoda Octavia, B-GW 77",
                "language": "pl",
                "source_url": f"{ORIGIN}/kontakt",
                "consent": {"data_processing": True, "communication": False, "text_version": "1"},
            },
        )


@pytest.fixture(scope="module")
def journey(stack: RunningStack, client: httpx.Client) -> Journey:
    return Journey(stack, client)


class TestJourney:
    """The steps in their order; each needs the one before."""

    def test_01_register(self, journey: Journey) -> None:
        body = {
            "organization": {"legal_name": "Autohaus Müller GmbH", "legal_form": "gmbh", "country": "DE"},
            "owner": {"email": journey.email, "password": PASSWORD, "name": "Jörg Müller"},
        }
        first = journey.client.post(f"{TENANCY}/organizations", json=body)
        assert made(first, 202) == {"status": "verification_sent"}

    def test_02_verify_once(self, journey: Journey) -> None:
        token = {"token": journey.stack.mailed_token(journey.email)}
        assert journey.client.post(f"{TENANCY}/auth/verify-email", json=token).status_code == 204
        assert 400 <= journey.client.post(f"{TENANCY}/auth/verify-email", json=token).status_code < 500

    def test_03_sign_in_and_refresh(self, journey: Journey) -> None:
        journey.owner = journey.sign_in(journey.email)
        old = journey.session["refresh_token"]
        fresh = made(journey.client.post(f"{TENANCY}/auth/refresh", json={"refresh_token": old}), 200)
        assert set(fresh) == set(journey.session)
        journey.owner = {"authorization": f"Bearer {fresh['access_token']}"}

    def test_04_workshops_and_nearby(self, journey: Journey) -> None:
        for name, latitude, longitude in (
            ("Mitte", 52.53, 13.40),
            ("Potsdam", 52.40, 13.06),
            ("München", 48.14, 11.58),
        ):
            workshop = made(
                journey.client.post(
                    f"{TENANCY}/workshops",
                    headers=journey.owner,
                    json={
                        "name": f"Müller {name}",
                        "slug": f"mueller-{name.lower().replace('ü', 'ue')}",
                        "business_type": "independent",
                        "address": "Invalidenstraße 1",
                        "postal_code": "10115",
                        "city": name,
                        "country": "DEU",
                        "latitude": latitude,
                        "longitude": longitude,
                        "phone": "030 901820",
                    },
                )
            )
            assert workshop["revision"] == 1
            journey.workshops.append(workshop["id"])
        near = journey.client.get(
            f"{TENANCY}/workshops/nearby",
            params={"latitude": 52.52, "longitude": 13.40, "radius_km": 50},
            headers=journey.owner,
        ).json()["items"]
        assert [workshop["id"] for workshop in near] == journey.workshops[:2]
        assert 1 < near[0]["distance_km"] < 2

    def test_05_invite(self, journey: Journey) -> None:
        invitation = {"email": journey.advisor_email, "role": "service_advisor", "workshop_ids": [journey.workshops[1]]}
        made(journey.client.post(f"{TENANCY}/invitations", headers=journey.owner, json=invitation))
        token = journey.stack.mailed_token(journey.advisor_email)
        accepted = {"token": token, "name": "Anna Schmidt", "password": PASSWORD}
        made(journey.client.post(f"{TENANCY}/invitations/accept", json=accepted))
        journey.advisor = journey.sign_in(journey.advisor_email)

    def test_06_key(self, journey: Journey) -> None:
        journey.key = made(
            journey.client.post(
                f"{TENANCY}/api-keys",
                headers=journey.owner,
                json={
                    "kind": "publishable",
                    "name": "Webseite",
                    "workshop_id": journey.workshops[0],
                    "allowed_origins": [ORIGIN],
                },
            )
        )
        assert journey.key["key"].startswith("pk_")

    def test_07_guest(self, journey: Journey) -> None:
        taken = within(5, lambda: answer if (answer := journey.guest_lead()).status_code != 401 else None)
        journey.lead = made(taken)["id"]
        assert journey.guest_lead(origin="https://evil.example").status_code == 403

    def test_08_work(self, journey: Journey) -> None:
        path, who = f"{CRM}/leads/{journey.lead}", journey.owner
        assert [lead["id"] for lead in journey.client.get(f"{CRM}/leads", headers=who).json()["items"]] == [
            journey.lead
        ]
        assert journey.client.get(f"{CRM}/leads", headers=journey.advisor).json()["items"] == []
        assert journey.client.get(path, headers=journey.advisor).status_code == 404
        read = journey.client.get(path, headers=who)
        tag = {"if-match": read.headers["etag"]}
        made(journey.client.patch(path, headers={**who, **tag}, json={"priority": 80}), 200)
        assert journey.client.patch(path, headers={**who, **tag}, json={"priority": 10}).status_code == 412
        wrong = journey.client.post(f"{path}/qualify", headers=who, json={})
        assert (wrong.status_code, wrong.json()["allowed"]) == (409, ["assign", "contact", "convert", "lose", "spam"])
        made(journey.client.post(f"{path}/contact", headers=who, json={"note": "erreicht"}), 200)
        made(journey.client.post(f"{path}/qualify", headers=who, json={}), 200)

    def test_09_audit_within_a_second(self, journey: Journey) -> None:
        path = f"{CRM}/leads/{journey.lead}"
        answer = journey.client.post(f"{path}/lose", headers=journey.owner, json={"reason": "zu teuer"})
        assert made(answer, 200)["status"] == "lost"

        def lost() -> dict[str, Any] | None:
            page = journey.client.get(
                f"{COMPLIANCE}/audit-logs",
                params={"table": "crm.leads", "row_id": journey.lead},
                headers=journey.owner,
            )
            newest = page.json()["items"][0] if made(page, 200)["items"] else {"changes": {}}
            return newest if newest["changes"].get("status", {}).get("new") == "lost" else None

        entry = within(1, lost)
        assert entry["changes"]["status"] == {"old": "qualified", "new": "lost"}
        assert entry["changes"]["lost_reason"] == {"old": None, "new": "zu teuer"}
        assert entry["actor"]["kind"] == "user"
        assert entry["request_id"] == answer.headers["x-request-id"]

    def test_10_trial(self, journey: Journey) -> None:
        subscription = made(journey.client.get(f"{BILLING}/subscription", headers=journey.owner), 200)
        assert subscription["status"] == "trialing"
        plans = made(journey.client.get(f"{BILLING}/plans"), 200)["items"]
        assert {plan["code"]: plan["monthly"]["amount"] for plan in plans} == {
            "starter": 4900,
            "professional": 9900,
            "enterprise": 19900,
        }

    def test_11_revoked_key(self, journey: Journey) -> None:
        made(journey.client.post(f"{TENANCY}/api-keys/{journey.key['id']}/revoke", headers=journey.owner, json={}), 200)
        within(3, lambda: journey.guest_lead().status_code == 401)

    def test_12_reuse_kills_the_family(self, journey: Journey) -> None:
        journey.sign_in(journey.advisor_email)
        first = journey.session["refresh_token"]
        second = made(journey.client.post(f"{TENANCY}/auth/refresh", json={"refresh_token": first}), 200)
        again = made(journey.client.post(f"{TENANCY}/auth/refresh", json={"refresh_token": first}), 200)
        assert again["refresh_token"] == second["refresh_token"]
        third = made(
            journey.client.post(f"{TENANCY}/auth/refresh", json={"refresh_token": second["refresh_token"]}), 200
        )
        assert journey.client.post(f"{TENANCY}/auth/refresh", json={"refresh_token": first}).status_code == 401
        answer = journey.client.post(f"{TENANCY}/auth/refresh", json={"refresh_token": third["refresh_token"]})
        assert answer.status_code == 401

    def test_13_close(self, journey: Journey) -> None:
        answer = journey.client.post(f"{TENANCY}/organizations/current/close", headers=journey.owner, json={})
        assert answer.status_code == 202, answer.text
        closed = time.monotonic()
        routes = {
            "tenancy": f"{TENANCY}/workshops",
            "crm": f"{CRM}/leads",
            "billing": f"{BILLING}/subscription",
            "compliance": f"{COMPLIANCE}/audit-logs",
        }
        for service, path in routes.items():
            with httpx.Client(base_url=journey.stack.api(service), trust_env=False) as direct:
                left = 3 - (time.monotonic() - closed)
                within(
                    left, lambda direct=direct, path=path: direct.get(path, headers=journey.owner).status_code == 401
                )


class TestStack:
    async def test_crowd_that_comes_at_once_is_let_in_although_nobody_came_before(self, stack: RunningStack) -> None:
        """The gateway has no connection to the service yet: whoever comes waits for one instead of being refused."""
        async with httpx.AsyncClient(base_url=stack.gateway, timeout=10, trust_env=False) as crowd:
            answers = await asyncio.gather(*(crowd.get(f"{BILLING}/plans") for _ in range(90)))
        assert {answer.status_code for answer in answers} == {200}

    def test_down_leaves_nothing_and_up_finds_the_data_again(self, stack: RunningStack, journey: Journey) -> None:
        lifecycle.down(stack.home, stack.ports)
        assert left_over(stack.home.root) == []
        ports = set(stack.ports.by_name().values())
        listening = {c.laddr.port for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr}
        assert not listening & ports
        lifecycle.up(stack.home, stack.ports)
        # The organisation is closing: its owner may look at it, and take that back.
        owner = journey.sign_in(journey.email)
        current = made(journey.client.get(f"{TENANCY}/organizations/current", headers=owner), 200)
        assert current["status"] == "closing"
        assert journey.client.get(f"{TENANCY}/workshops", headers=owner).status_code == 403
