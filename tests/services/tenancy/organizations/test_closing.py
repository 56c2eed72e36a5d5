"""Closing an organisation, and coming back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec

from carbot_contracts.tenancy import AccessRevoked
from carbot_core.auth import tokens
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.web.edge import Edge
from carbot_tenancy.sessions.queries import lock_seat
from carbot_testing.founding import TENANCY, Founder, Person
from carbot_testing.issuer import Issuer
from carbot_testing.plugin import Connect
from carbot_testing.running import client
from tests.services.tenancy.organizations.told import bill, statuses, told

CURRENT = f"{TENANCY}/organizations/current"
CLOSE, REOPEN = f"{CURRENT}/close", f"{CURRENT}/reopen"
MONTH = timedelta(days=30)


async def closed(connect: Connect, owner: Person) -> httpx.AsyncClient:
    """Close an organisation; return a client of somebody who owns it and has signed in since."""
    (await connect("tenancy", owner.organization_id).post(CLOSE, json={})).raise_for_status()
    return connect("tenancy", owner.organization_id)


class TestCloseOrganization:
    async def test_refuses_every_token_and_tells(
        self,
        founder: Founder,
        connect: Connect,
        worker_databases: dict[str, Database],
        eventually: Callable[..., Any],
    ) -> None:
        owner = await founder.found()
        viewer = await founder.join(owner, "viewer")
        before = datetime.now(UTC)
        answer = await connect("tenancy", owner.organization_id).post(CLOSE, json={})
        assert (answer.status_code, answer.json()["status"], answer.headers["etag"]) == (202, "closing", '"2"')
        since, due_at = (datetime.fromisoformat(answer.json()[name]) for name in ("closing_since", "erasure_due_at"))
        assert before <= since <= datetime.now(UTC)
        assert due_at == since + MONTH

        async def refused(person: Person) -> bool:
            return (await person.client.get(f"{TENANCY}/workshops")).status_code == 401

        for person in (owner, viewer):
            assert await eventually(lambda person=person: refused(person), within=3)
        for refusal in (await founder.login(viewer.email), await founder.refresh(viewer.refresh_token)):
            assert (refusal.status_code, refusal.json()["code"]) == (403, "organization_closing")
        database = worker_databases["tenancy"]
        assert await statuses(database, owner.organization_id) == ["closing"]
        revoked = [
            event for event, _ in await told(database, owner.organization_id) if isinstance(event, AccessRevoked)
        ]
        assert [(event.kind, event.subject_id, event.not_before) for event in revoked] == [
            ("organization", owner.organization_id, since)
        ]

    async def test_lets_somebody_who_signs_in_afterwards_read(self, founder: Founder, connect: Connect) -> None:
        owner = await founder.found()
        answer = await (await closed(connect, owner)).get(CURRENT)
        assert (answer.status_code, answer.json()["status"]) == (200, "closing")

    async def test_happens_once(
        self, founder: Founder, connect: Connect, worker_databases: dict[str, Database]
    ) -> None:
        owner = await founder.found()
        again = await closed(connect, owner)
        first = (await again.get(CURRENT)).json()
        answer = await again.post(CLOSE, json={})
        assert (answer.status_code, answer.json()) == (202, first)
        assert await statuses(worker_databases["tenancy"], owner.organization_id) == ["closing"]

    async def test_waits_for_a_token_that_is_being_made(
        self, founder: Founder, connect: Connect, api_databases: dict[str, Database]
    ) -> None:
        owner = await founder.found()
        again = connect("tenancy", owner.organization_id)
        user_id = UUID((await again.get(f"{TENANCY}/members")).json()["items"][0]["user_id"])
        async with api_databases["tenancy"].transaction(Context(organization_id=owner.organization_id)) as tx:
            seat = await lock_seat(tx, user_id)
            assert seat is not None
            assert (await again.post(CLOSE, json={})).status_code == 503
        assert (await again.post(CLOSE, json={})).status_code == 202

    async def test_needs_the_owner_who_has_just_signed_in(
        self, founder: Founder, connect: Connect, issuer: Issuer, edges: dict[str, Edge]
    ) -> None:
        owner = await founder.found()
        assert (await connect("tenancy", owner.organization_id, "admin").post(CLOSE, json={})).status_code == 403
        claims = issuer.claims(owner.organization_id)
        old = msgspec.structs.replace(claims, auth_time=claims.iat - 301)
        async with client(
            edges["tenancy"], "tenancy", authorization=f"Bearer {tokens.sign(old, issuer.key)}"
        ) as long_ago:
            answer = await long_ago.post(CLOSE, json={})
        assert (answer.status_code, answer.json()["code"]) == (401, "recent_sign_in_required")
        stale = await connect("tenancy", owner.organization_id).post(CLOSE, json={}, headers={"if-match": '"7"'})
        assert stale.status_code == 412
        assert (await owner.client.get(CURRENT)).json()["status"] == "trial"

    async def test_is_open_to_a_suspended_organisation(
        self, founder: Founder, connect: Connect, worker_databases: dict[str, Database], eventually: Callable[..., Any]
    ) -> None:
        owner = await founder.found()
        await bill(worker_databases["tenancy"], owner.organization_id, "cancelled")

        async def suspended() -> bool:
            edit = await owner.client.patch(CURRENT, json={"locale": "en"}, headers={"if-match": '"9"'})
            return edit.status_code == 403

        assert await eventually(suspended, within=3)
        again = await closed(connect, owner)
        answer = await again.post(REOPEN)
        assert (answer.status_code, answer.json()["status"]) == (200, "suspended")


class TestReopenOrganization:
    async def test_is_done_by_the_owner_who_closed_and_signs_in_again(
        self, founder: Founder, eventually: Callable[..., Any]
    ) -> None:
        owner = await founder.found()
        assert (await owner.client.post(CLOSE, json={})).status_code == 202
        again = await founder.sign_in(owner.email)

        async def refused() -> bool:
            return (await owner.client.get(CURRENT)).status_code == 401

        assert await eventually(refused, within=3)
        assert (await again.client.patch(CURRENT, json={}, headers={"if-match": '"2"'})).status_code == 403
        assert (await again.client.post(REOPEN)).status_code == 200
        whole = founder.client((await founder.refresh(again.refresh_token)).json())
        assert (await whole.patch(CURRENT, json={"locale": "en"}, headers={"if-match": '"3"'})).status_code == 200

    async def test_brings_everything_back(
        self, founder: Founder, connect: Connect, worker_databases: dict[str, Database]
    ) -> None:
        owner = await founder.found()
        viewer = await founder.join(owner, "viewer")
        again = await closed(connect, owner)
        answer = await again.post(REOPEN, headers={"if-match": '"2"'})
        assert (answer.status_code, answer.headers["etag"]) == (200, '"3"')
        shown = answer.json()
        assert (shown["status"], shown["closing_since"], shown["erasure_due_at"]) == ("trial", None, None)
        assert await statuses(worker_databases["tenancy"], owner.organization_id) == ["closing", "trial"]
        assert (await founder.refresh(viewer.refresh_token)).status_code == 200
        assert (await founder.login(owner.email)).status_code == 200

    async def test_returns_to_what_the_facts_say_now(
        self, founder: Founder, connect: Connect, worker_databases: dict[str, Database]
    ) -> None:
        owner, database = await founder.found(), worker_databases["tenancy"]
        again = await closed(connect, owner)
        await bill(database, owner.organization_id, "past_due")
        assert (await again.get(CURRENT)).json()["status"] == "closing"
        assert (await again.post(REOPEN)).json()["status"] == "past_due"
        assert await statuses(database, owner.organization_id) == ["closing", "past_due"]

    async def test_is_the_owners_alone(self, founder: Founder, connect: Connect) -> None:
        owner = await founder.found()
        again = await closed(connect, owner)
        assert (await connect("tenancy", owner.organization_id, "admin").post(REOPEN)).status_code == 403
        assert (await again.post(REOPEN, headers={"if-match": '"1"'})).status_code == 412
        assert (await again.get(CURRENT)).json()["status"] == "closing"

    async def test_refuses_what_is_not_closing(self, owner: Person, connect: Connect) -> None:
        answer = await connect("tenancy", owner.organization_id).post(REOPEN)
        assert (answer.status_code, answer.json()["code"]) == (409, "cannot_reopen")

    async def test_comes_too_late_after_thirty_days(
        self, founder: Founder, connect: Connect, api_databases: dict[str, Database]
    ) -> None:
        owner = await founder.found()
        again = await closed(connect, owner)
        async with api_databases["tenancy"].transaction(Context(organization_id=owner.organization_id)) as tx:
            await tx.execute(
                "UPDATE tenancy.organizations SET closing_since = $2 WHERE organization_id = $1",
                owner.organization_id,
                datetime.now(UTC) - MONTH,
            )
        answer = await again.post(REOPEN)
        assert (answer.status_code, answer.json()["code"]) == (409, "cannot_reopen")
