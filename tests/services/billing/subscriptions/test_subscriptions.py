"""The trial of an organisation, from its registration to its end."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from carbot_billing.app import SERVICE
from carbot_billing.subscriptions import queries
from carbot_contracts.tenancy import OrganizationChanged, OrganizationRegistered, OrganizationState
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.ids import new_id
from carbot_core.service import Runtime
from carbot_core.timers import Due
from carbot_testing.plugin import Connect
from carbot_testing.world import World, registered

SUBSCRIPTION = "/api/billing/v1/subscription"


def state[E: OrganizationState](kind: type[E], organization_id: UUID, **changes: Any) -> E:
    return msgspec.convert({**msgspec.to_builtins(registered(organization_id)), **changes}, kind)


async def changes_of(database: Database, organization_id: UUID) -> int | None:
    """Count what was announced of the organisation's subscription."""
    async with database.transaction(Context(organization_id=organization_id)) as tx:
        return await tx.value(int, "SELECT count(*) FROM outbox WHERE organization_id = $1", organization_id)


async def let_time_pass(database: Database, organization_id: UUID, now: datetime) -> None:
    """Let what is due by then happen in one organisation, and in none that other tests work with."""
    async with database.transaction(Context()) as tx:
        due = await tx.all(
            Due,
            """
            SELECT organization_id, kind, key, attempts
            FROM timers
            WHERE organization_id = $1 AND due_at <= $2
            """,
            organization_id,
            now,
        )
    for each in due:
        await SERVICE.timers[each.kind](Runtime(None, database, lambda: now), each)


class TestTrial:
    async def test_begins_when_the_organisation_is_registered(self, world: World, connect: Connect) -> None:
        organization_id, at = new_id(), datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
        await world.tell(organization_id, state(OrganizationRegistered, organization_id, registered_at=at))
        answer = await connect("billing", organization_id).get(SUBSCRIPTION)
        assert answer.status_code == 200
        subscription = answer.json()
        assert subscription["status"] in {"trialing", "paused"}
        assert datetime.fromisoformat(subscription["trial_ends_at"]) == at + timedelta(days=14)
        assert subscription["plan"]["code"] == "professional"
        assert answer.headers["etag"] == f'"{subscription["revision"]}"'

    async def test_begins_late_for_an_organisation_that_was_there_before_billing(
        self, world: World, connect: Connect
    ) -> None:
        organization_id, at = new_id(), datetime.now(UTC) - timedelta(days=8)
        await world.tell(organization_id, state(OrganizationChanged, organization_id, registered_at=at), version=9)
        subscription = (await connect("billing", organization_id).get(SUBSCRIPTION)).json()
        assert subscription["status"] == "trialing"
        assert datetime.fromisoformat(subscription["trial_ends_at"]) == at + timedelta(days=14)

    async def test_begins_once_however_often_and_at_once_it_is_told(
        self, world: World, connect: Connect, worker_databases: dict[str, Database]
    ) -> None:
        organization_id = new_id()
        events = [state(OrganizationRegistered, organization_id), *[state(OrganizationChanged, organization_id)] * 3]
        await asyncio.gather(
            *(world.tell(organization_id, event, version=version) for version, event in enumerate(events, start=1))
        )
        assert (await connect("billing", organization_id).get(SUBSCRIPTION)).json()["revision"] == 1
        assert await changes_of(worker_databases["billing"], organization_id) == 1

    async def test_is_not_given_to_one_that_is_leaving(self, world: World, connect: Connect) -> None:
        organization_id = new_id()
        await world.tell(organization_id, state(OrganizationChanged, organization_id, status="closing"))
        answer = await connect("billing", organization_id).get(SUBSCRIPTION)
        assert (answer.status_code, answer.json()["code"]) == (404, "subscription_not_found")


class TestEndOfTrial:
    async def test_pauses_the_subscription_and_announces_it_once(
        self, world: World, connect: Connect, worker_databases: dict[str, Database]
    ) -> None:
        organization_id, database = new_id(), worker_databases["billing"]
        await world.tell(organization_id, state(OrganizationRegistered, organization_id))
        now = datetime.now(UTC)
        await let_time_pass(database, organization_id, now + timedelta(days=13))
        assert (await connect("billing", organization_id).get(SUBSCRIPTION)).json()["status"] == "trialing"
        await let_time_pass(database, organization_id, now + timedelta(days=15))
        await let_time_pass(database, organization_id, now + timedelta(days=16))
        subscription = (await connect("billing", organization_id).get(SUBSCRIPTION)).json()
        assert (subscription["status"], subscription["revision"]) == ("paused", 2)
        assert await changes_of(database, organization_id) == 2


class TestAnnouncement:
    async def test_says_what_is(self, world: World, worker_databases: dict[str, Database]) -> None:
        organization_id = new_id()
        await world.tell(organization_id, state(OrganizationRegistered, organization_id))
        async with worker_databases["billing"].transaction(Context(organization_id=organization_id)) as tx:
            states = await queries.list_subscription_states(tx, None, 10)
        assert [(event.subject, version) for event, version in states] == [("billing.subscription.changed.v1", 1)]


class TestRead:
    async def test_needs_the_scope(self, world: World, connect: Connect) -> None:
        organization = await world.organization()
        assert (await connect("billing", organization, "accountant").get(SUBSCRIPTION)).status_code == 200
        assert (await connect("billing", organization, "technician").get(SUBSCRIPTION)).status_code == 403
        assert (await connect("billing").get(SUBSCRIPTION)).status_code == 401
