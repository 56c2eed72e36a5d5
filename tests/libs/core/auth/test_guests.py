"""Guests: what their key opens, what it does not, and what is recorded of them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from msgspec.structs import replace

from carbot_core.credentials import Credential
from carbot_core.ids import new_id
from carbot_testing.plugin import Connect
from carbot_testing.world import ORIGIN, Organization, World, key_changed, registered

LEADS = "/api/crm/v1/public/leads"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


async def ask(guest: httpx.AsyncClient, key: object, **headers: str) -> httpx.Response:
    lead: dict[str, Any] = {
        "name": "Ayşe",
        "phone": f"030 {uuid4().int % 10**8:08d}",
        "request": "HU",
        "consent": {"data_processing": True, "communication": False, "text_version": "1"},
    }
    said = {"x-carbot-key": str(key), "origin": ORIGIN, **headers}
    return await guest.post(LEADS, json=lead, headers={name: value for name, value in said.items() if value})


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.fixture
def guest(connect: Connect) -> httpx.AsyncClient:
    return connect("crm")


class TestKey:
    async def test_opens_its_own_workshop_alone(
        self, guest: httpx.AsyncClient, world: World, superuser: asyncpg.Connection
    ) -> None:
        organization = await world.organization(workshops=2)
        for key, workshop in zip(organization.keys, organization.workshops, strict=True):
            answer = await ask(guest, key)
            assert answer.status_code == 201
            found = await superuser.fetchval("SELECT workshop_id FROM crm.leads WHERE id = $1", answer.json()["id"])
            assert found == workshop

    async def test_that_is_none_opens_nothing(self, guest: httpx.AsyncClient, organization: Organization) -> None:
        known = organization.keys[0]
        for key in (
            "",
            "x",
            Credential.mint("sk", known.organization_id, known.id),
            Credential.mint("pk", known.organization_id, known.id),
            Credential.mint("pk", known.organization_id, new_id()),
            Credential("pk", new_id(), known.id, known.secret),
        ):
            assert refusal(await ask(guest, key)) == (401, "publishable_key_not_valid")

    async def test_opens_nothing_from_elsewhere(self, guest: httpx.AsyncClient, organization: Organization) -> None:
        for origin in ("", "null", ORIGIN + ".evil.test", ORIGIN.upper()):
            assert refusal(await ask(guest, organization.keys[0], origin=origin)) == (403, "origin_not_allowed")

    async def test_opens_until_it_expires(self, guest: httpx.AsyncClient, world: World) -> None:
        organization = await world.organization()
        known = key_changed(organization.keys[0], organization.workshops[0])
        for version, minutes, status in ((2, 5, 201), (3, -5, 401)):
            expires_at = datetime.now(UTC) + timedelta(minutes=minutes)
            await world.tell(organization.id, replace(known, expires_at=expires_at), version=version)
            assert (await ask(guest, organization.keys[0])).status_code == status

    @pytest.mark.parametrize("status", ["closing", "erased"])
    async def test_opens_nothing_of_who_closes(self, guest: httpx.AsyncClient, world: World, status: Any) -> None:
        organization, other = await world.organization(), await world.organization()
        await world.tell(organization.id, replace(registered(organization.id), status=status), version=2)
        assert refusal(await ask(guest, organization.keys[0])) == (401, "publishable_key_not_valid")
        assert (await ask(guest, other.keys[0])).status_code == 201


async def test_is_recorded_as_who_changed_something(
    guest: httpx.AsyncClient, world: World, superuser: asyncpg.Connection
) -> None:
    organization, request_id = await world.organization(), str(uuid4())
    traceparent = f"00-{TRACE_ID}-b7ad6b7169203331-01"
    answer = await ask(guest, organization.keys[0], **{"x-request-id": request_id, "traceparent": traceparent})
    assert answer.status_code == 201
    bodies = await superuser.fetch("SELECT body FROM crm.audit_outbox WHERE organization_id = $1", organization.id)
    reports = [json.loads(row["body"]) for row in bodies]
    [report] = [report for report in reports if report["table"] == "crm.leads"]
    said = {name: report[name] for name in ("actor", "request_id", "trace_id")}
    assert said == {"actor": f"guest:{organization.keys[0].id}", "request_id": request_id, "trace_id": TRACE_ID}
