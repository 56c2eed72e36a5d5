"""What is taken away in tenancy is refused by every service within three seconds, also while the broker restarts."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final

import httpx
import msgspec
import pytest
import pytest_asyncio
from catalogue_data import SERVICES

from carbot_core.auth import revocations
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.web.edge import Edge
from carbot_tenancy.organizations.actions import suspend_organization
from carbot_testing.data_plane import NatsServer
from carbot_testing.founding import TENANCY, Founder, Person
from carbot_testing.mailbox import Mailbox
from carbot_testing.running import client

WITHIN_SECONDS: Final = 3.0
READS: Final = {
    "tenancy": "/api/tenancy/v1/organizations/current",
    "crm": "/api/crm/v1/leads?limit=1",
    "billing": "/api/billing/v1/subscription",
    "compliance": "/api/compliance/v1/audit-logs?limit=1",
}
"""Of each service, something that an admin may read."""
WRITES: Final = {"tenancy": "/api/tenancy/v1/workshops", "crm": "/api/crm/v1/leads"}
"""Of each service that takes any, something that an owner may write."""


class Scene(msgspec.Struct, frozen=True):
    """An owner and an admin of one organisation."""

    founder: Founder
    owner: Person
    admin: Person
    admin_id: str


type Act = Callable[[Scene], Awaitable[httpx.Response]]


@pytest_asyncio.fixture
async def scene(edges: dict[str, Edge], workers: None, mailbox: Mailbox) -> Scene:
    founder = Founder(edges["tenancy"], mailbox)
    owner = await founder.found()
    admin = await founder.join(owner, "admin")
    members = (await owner.client.get(f"{TENANCY}/members")).json()["items"]
    return Scene(founder, owner, admin, next(each["id"] for each in members if each["email"] == admin.email))


async def edit_admin(scene: Scene, **change: Any) -> httpx.Response:
    headers = {"if-match": '"1"'}
    return await scene.owner.client.patch(f"{TENANCY}/members/{scene.admin_id}", json=change, headers=headers)


async def sign_out(scene: Scene) -> httpx.Response:
    return await scene.admin.client.post(f"{TENANCY}/auth/logout")


async def sign_out_elsewhere(scene: Scene) -> httpx.Response:
    here = await scene.founder.sign_in(scene.admin.email)
    return await here.client.post(f"{TENANCY}/auth/sessions/end-all", json={})


async def change_password(scene: Scene) -> httpx.Response:
    here = await scene.founder.sign_in(scene.admin.email)
    body = {"current_password": "correct horse battery", "new_password": "another horse battery"}
    return await here.client.post(f"{TENANCY}/auth/password", json=body)


async def remove(scene: Scene) -> httpx.Response:
    return await edit_admin(scene, is_active=False)


async def change_role(scene: Scene) -> httpx.Response:
    return await edit_admin(scene, role="viewer")


async def close(scene: Scene) -> httpx.Response:
    return await scene.owner.client.post(f"{TENANCY}/organizations/current/close", json={})


TAKEN_AWAY: Final[list[Act]] = [sign_out, sign_out_elsewhere, change_password, remove, change_role, close]


def bearer_of(client: httpx.AsyncClient) -> str:
    return client.headers["authorization"]


async def seconds_until_refused(
    edges: dict[str, Edge], authorization: str, refusal: int, began: float
) -> dict[str, float]:
    """Ask every service again and again; return after how many seconds each refused, and that it goes on refusing."""

    async def wait(service: str) -> float:
        async with client(edges[service], service, authorization=authorization) as caller:
            async with asyncio.timeout(WITHIN_SECONDS + 5):
                while (await caller.get(READS[service])).status_code != refusal:
                    await asyncio.sleep(0.02)
            passed = monotonic() - began
            assert (await caller.get(READS[service])).status_code == refusal
            return passed

    return dict(zip(SERVICES, await asyncio.gather(*map(wait, SERVICES)), strict=True))


async def until_read(edges: dict[str, Edge], authorization: str) -> None:
    """Wait until every service knows the organisation, so that what follows is refused for what was taken away."""

    async def wait(service: str) -> None:
        async with client(edges[service], service, authorization=authorization) as caller, asyncio.timeout(10):
            while (await caller.get(READS[service])).status_code != 200:
                await asyncio.sleep(0.05)

    await asyncio.gather(*map(wait, SERVICES))


class TestTakenAway:
    @pytest.mark.parametrize("act", TAKEN_AWAY, ids=lambda act: act.__name__)
    async def test_is_refused_by_every_service(self, act: Act, scene: Scene, edges: dict[str, Edge]) -> None:
        authorization = bearer_of(scene.admin.client)
        await until_read(edges, authorization)
        answer = await act(scene)
        assert answer.status_code < 300, answer.text
        passed = await seconds_until_refused(edges, authorization, 401, monotonic())
        assert max(passed.values()) < WITHIN_SECONDS, passed

    @pytest.mark.parametrize("act", [sign_out, remove, close], ids=lambda act: act.__name__)
    async def test_is_refused_by_every_service_while_the_broker_restarts(
        self, act: Act, scene: Scene, edges: dict[str, Edge], nats_server: NatsServer
    ) -> None:
        authorization = bearer_of(scene.admin.client)
        await until_read(edges, authorization)
        nats_server.kill()
        try:
            answer = await act(scene)
            began = monotonic()
            assert answer.status_code < 300, answer.text
        finally:
            nats_server.start()
        passed = await seconds_until_refused(edges, authorization, 401, began)
        assert max(passed.values()) < WITHIN_SECONDS, passed


class TestKey:
    async def test_that_is_revoked_opens_nothing_anywhere(self, scene: Scene, edges: dict[str, Edge]) -> None:
        minted = await scene.owner.client.post(f"{TENANCY}/api-keys", json={"kind": "secret", "name": "Partner"})
        form = {"grant_type": "client_credentials", "client_secret": minted.raise_for_status().json()["key"]}
        exchanged = await scene.founder.nobody.post(f"{TENANCY}/oauth/token", data=form)
        authorization = f"Bearer {exchanged.raise_for_status().json()['access_token']}"
        await until_read(edges, authorization)
        key_id = minted.json()["id"]
        (await scene.owner.client.post(f"{TENANCY}/api-keys/{key_id}/revoke", json={})).raise_for_status()
        passed = await seconds_until_refused(edges, authorization, 401, monotonic())
        assert max(passed.values()) < WITHIN_SECONDS, passed


class TestSuspended:
    async def test_organization_writes_nowhere_and_reads_everywhere(
        self, scene: Scene, edges: dict[str, Edge], worker_databases: dict[str, Database]
    ) -> None:
        organization_id, authorization = scene.owner.organization_id, bearer_of(scene.owner.client)
        await until_read(edges, authorization)
        async with worker_databases["tenancy"].transaction(Context(organization_id=organization_id)) as tx:
            await suspend_organization(tx, "unpaid", datetime.now(UTC))
        began = monotonic()

        async def wait(service: str) -> float:
            async with client(edges[service], service, authorization=authorization) as caller:
                async with asyncio.timeout(WITHIN_SECONDS + 5):
                    while (answer := await caller.post(WRITES[service], json={})).status_code != 403:
                        await asyncio.sleep(0.02)
                passed = monotonic() - began
                assert answer.json()["code"] == "organization_suspended"
                assert (await caller.get(READS[service])).status_code == 200
                return passed

        passed = await asyncio.gather(*map(wait, WRITES))
        assert max(passed) < WITHIN_SECONDS, passed


class TestNotHeard:
    async def test_is_said_by_every_api_which_still_refuses_what_it_knows(
        self, scene: Scene, edges: dict[str, Edge], nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(revocations, "PULSE_SECONDS", 1.0)
        monkeypatch.setattr(revocations, "UNHEARD", timedelta(seconds=4))
        await until_said(edges, "ok")
        authorization = bearer_of(scene.admin.client)
        await sign_out(scene)
        await seconds_until_refused(edges, authorization, 401, monotonic())
        nats_server.kill()
        try:
            await until_said(edges, "down")
            passed = await seconds_until_refused(edges, authorization, 401, monotonic())
            assert max(passed.values()) < WITHIN_SECONDS
        finally:
            nats_server.start()
        await until_said(edges, "ok")


async def until_said(edges: dict[str, Edge], state: str) -> None:
    """Wait until every api says so of what it learns of revocations."""

    async def wait(service: str) -> None:
        async with client(edges[service], service) as caller, asyncio.timeout(20):
            while (await caller.get("/health/dependencies")).json()["revocations"] != state:
                await asyncio.sleep(0.1)

    await asyncio.gather(*map(wait, SERVICES))


def test_every_service_is_asked() -> None:
    assert set(READS) == set(SERVICES)
