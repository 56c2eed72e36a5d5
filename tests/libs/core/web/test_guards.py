"""What guards refuse beside a missing scope: old sign-ins, keys where people are asked for, writing while suspended."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from probe_routes import PROBES
from sent_leads import LEADS, new_lead

from carbot_core.auth import tokens
from carbot_core.auth.guards import RECENT
from carbot_core.db import Database
from carbot_core.web.edge import Edge
from carbot_testing.issuer import Issuer
from carbot_testing.running import Place, client
from carbot_testing.world import ORIGIN, Organization, World, registered


@pytest.fixture
def ask(probed: Edge, issuer: Issuer, own_organization: Organization) -> Any:
    async def ask(**claims: Any) -> httpx.Response:
        token = tokens.sign(replace(issuer.claims(own_organization.id), **claims), issuer.key)
        async with client(probed, "crm", authorization=f"Bearer {token}") as caller:
            return await caller.post(f"{PROBES}/fresh", json={})

    return ask


class TestRecentSignIn:
    async def test_is_asked_for_as_rfc_9470_says(self, ask: Any) -> None:
        now = datetime.now(UTC).timestamp()
        assert (await ask(auth_time=now - 290)).status_code == 201
        for auth_time in (now - RECENT.total_seconds() - 5, None):
            answer = await ask(auth_time=auth_time)
            assert (answer.status_code, answer.json()["code"]) == (401, "recent_sign_in_required")
            challenge = 'Bearer error="insufficient_user_authentication", max_age=300'
            assert answer.headers["www-authenticate"] == challenge

    async def test_is_nothing_that_a_key_can_have(self, ask: Any) -> None:
        answer = await ask(kind="api_key", sid=None)
        assert (answer.status_code, answer.json()["code"]) == (403, "people_only")


class TestSuspended:
    async def test_organization_reads_and_does_not_write_until_it_is_lifted(
        self, own_place: Place, probed: Edge, issuer: Issuer, eventually: Callable[..., Any]
    ) -> None:
        async with Database.connect(own_place.plane.dsn(own_place.database, "crm_worker")) as database:
            world = World({"crm": database})
            organization, other = await world.organization(), await world.organization()
            async with (
                client(probed, "crm", authorization=f"Bearer {issuer.token(organization.id)}") as owner,
                client(probed, "crm", authorization=f"Bearer {issuer.token(other.id)}") as stranger,
                client(probed, "crm", origin=ORIGIN, **{"x-carbot-key": str(organization.keys[0])}) as guest,
            ):

                async def refused() -> bool:
                    answer = await owner.post(LEADS, json=new_lead(organization))
                    return answer.status_code == 403 and answer.json()["code"] == "organization_suspended"

                suspended = replace(registered(organization.id), status="suspended")
                await world.tell(organization.id, suspended, version=2)
                await eventually(refused, within=3)
                assert (await owner.get(LEADS)).status_code == 200
                assert (await owner.post(f"{PROBES}/settle", json={})).status_code == 201
                assert (await stranger.post(LEADS, json=new_lead(other))).status_code == 201
                consent = {"data_processing": True, "communication": False, "text_version": "1"}
                lead = {"name": "Ayşe", "phone": "030 901820", "request": "HU", "consent": consent}
                answer = await guest.post("/api/crm/v1/public/leads", json=lead)
                assert (answer.status_code, answer.json()["code"]) == (403, "organization_suspended")

                await world.tell(organization.id, replace(suspended, status="active"), version=3)

                async def accepted() -> bool:
                    return (await owner.post(LEADS, json=new_lead(organization))).status_code == 201

                await eventually(accepted, within=3)
