"""The status of an organisation: what decides it, what it may become, and who is told."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID

import msgspec
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from carbot_contracts.billing import SubscriptionStatus
from carbot_contracts.tenancy import OrganizationStatus
from carbot_core.cli import commands
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.ids import new_id
from carbot_tenancy.app import SERVICE
from carbot_tenancy.organizations.lifecycle import NEXT, OF_SUBSCRIPTION, StatusCannotFollow, follow, status_of
from carbot_tenancy.organizations.models import StoredOrganization
from carbot_testing.founding import TENANCY, Founder
from carbot_testing.running import Place
from tests.services.tenancy.organizations.told import BEGIN, bill, changes, statuses, told

CURRENT = f"{TENANCY}/organizations/current"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
STATUSES: tuple[OrganizationStatus, ...] = get_args(OrganizationStatus)
SUBSCRIPTIONS: tuple[SubscriptionStatus, ...] = get_args(SubscriptionStatus)
ALLOWED = {
    # from:      trial active past_due suspended closing erased
    "trial": "    .     x       x         x        x      .",
    "active": "   .     .       x         x        x      .",
    "past_due": " .     x       .         x        x      .",
    "suspended": "x     x       x         .        x      .",
    "closing": "  x     x       x         x        .      x",
    "erased": "   .     .       .         .        .      .",
}
FACTS = st.fixed_dictionaries(
    {
        "subscription_status": st.sampled_from([None, *SUBSCRIPTIONS]),
        "suspended_at": st.sampled_from([None, NOW]),
        "closing_since": st.sampled_from([None, NOW]),
    }
)


ORGANIZATION = StoredOrganization(
    id=new_id(),
    slug="autohaus-mueller",
    legal_name="Autohaus Müller",
    legal_form="ek",
    register_court=None,
    register_number=None,
    vat_id=None,
    tax_number=None,
    country="DE",
    locale="de",
    time_zone="Europe/Berlin",
    status="trial",
    subscription_status=None,
    subscription_version=0,
    suspended_at=None,
    suspension_reason=None,
    closing_since=None,
    erased_at=None,
    created_at=NOW,
    revision=1,
)


class TestFollow:
    @pytest.mark.parametrize("before", STATUSES)
    @pytest.mark.parametrize("after", STATUSES)
    def test_allows_these_pairs_and_no_others(self, before: OrganizationStatus, after: OrganizationStatus) -> None:
        allowed = ALLOWED[before].split()[STATUSES.index(after)] == "x"
        assert (after in NEXT[before]) == allowed
        if allowed or after == before:
            assert follow(before, after) == after
        else:
            with pytest.raises(StatusCannotFollow):
                follow(before, after)


class TestStatusOf:
    @given(facts=FACTS)
    def test_is_decided_by_the_weightiest_fact(self, facts: dict[str, Any]) -> None:
        stored = msgspec.structs.replace(ORGANIZATION, **facts)
        says = facts["subscription_status"]
        of_billing = "trial" if says is None else OF_SUBSCRIPTION[says]
        expected = "closing" if facts["closing_since"] else "suspended" if facts["suspended_at"] else of_billing
        assert status_of(stored) == expected
        assert status_of(msgspec.structs.replace(stored, erased_at=NOW)) == "erased"

    @given(facts=FACTS)
    def test_comes_back_when_a_closing_or_a_suspension_does(self, facts: dict[str, Any]) -> None:
        before = msgspec.structs.replace(ORGANIZATION, **{**facts, "closing_since": None})
        closing = msgspec.structs.replace(before, closing_since=NOW)
        assert follow(status_of(before), status_of(closing)) == "closing"
        assert follow("closing", status_of(before)) == status_of(before)
        free = msgspec.structs.replace(before, suspended_at=None)
        assert follow("suspended", status_of(free)) == status_of(free)


class TestFollowSubscription:
    @pytest.mark.parametrize(("says", "status"), OF_SUBSCRIPTION.items())
    async def test_brings_the_organisation_to_the_status_and_tells(
        self,
        founder: Founder,
        worker_databases: dict[str, Database],
        says: SubscriptionStatus,
        status: OrganizationStatus,
    ) -> None:
        owner, database = await founder.found(), worker_databases["tenancy"]
        await bill(database, owner.organization_id, says)
        answer = await owner.client.get(CURRENT)
        moved = status != "trial"
        assert (answer.json()["status"], answer.json()["revision"]) == (status, 2 if moved else 1)
        announced = [(event.status, version) for event, version in await changes(database, owner.organization_id)]
        assert announced == ([(status, 2)] if moved else [])
        assert await standing(database, owner.organization_id) == status

    async def test_goes_there_and_back(self, founder: Founder, worker_databases: dict[str, Database]) -> None:
        owner, database = await founder.found(), worker_databases["tenancy"]
        says: list[SubscriptionStatus] = ["active", "past_due", "active", "past_due", "paused", "past_due", "cancelled"]
        for version, status in enumerate(says, start=BEGIN):
            await bill(database, owner.organization_id, status, version)
        expected = ["active", "past_due", "active", "past_due", "suspended", "past_due", "suspended"]
        assert await statuses(database, owner.organization_id) == expected

    @pytest.mark.parametrize("version", [BEGIN, BEGIN - 1, 0])
    async def test_changes_nothing_by_what_is_stale(
        self, founder: Founder, worker_databases: dict[str, Database], version: int
    ) -> None:
        owner, database = await founder.found(), worker_databases["tenancy"]
        await bill(database, owner.organization_id, "active")
        before = await told(database, owner.organization_id)
        await bill(database, owner.organization_id, "past_due", version)
        assert (await owner.client.get(CURRENT)).json()["status"] == "active"
        assert await told(database, owner.organization_id) == before
        assert await seen(database, owner.organization_id) == BEGIN

    async def test_refuses_a_way_back_that_there_is_not(
        self, founder: Founder, worker_databases: dict[str, Database]
    ) -> None:
        owner, database = await founder.found(), worker_databases["tenancy"]
        await bill(database, owner.organization_id, "active")
        with pytest.raises(StatusCannotFollow):
            await bill(database, owner.organization_id, "trialing", BEGIN + 1)
        await bill(database, owner.organization_id, "past_due", BEGIN + 2)
        assert await statuses(database, owner.organization_id) == ["active", "past_due"]

    async def test_passes_over_an_organisation_that_is_not_here(self, worker_databases: dict[str, Database]) -> None:
        organization_id = new_id()
        await bill(worker_databases["tenancy"], organization_id, "active")
        assert await told(worker_databases["tenancy"], organization_id) == []

    async def test_hears_billing_itself(
        self, founder: Founder, worker_databases: dict[str, Database], eventually: Callable[..., Any]
    ) -> None:
        owner = await founder.found()

        async def heard() -> bool:
            return await seen(worker_databases["tenancy"], owner.organization_id) > 0

        assert await eventually(heard)
        assert (await owner.client.get(CURRENT)).json()["status"] == "trial"


class TestSuspendOrganization:
    async def test_lets_it_read_and_no_longer_write_until_it_is_resumed(
        self,
        founder: Founder,
        place: Place,
        worker_databases: dict[str, Database],
        eventually: Callable[..., Any],
    ) -> None:
        owner, database = await founder.found(), worker_databases["tenancy"]
        result = await operate(place, "suspend", str(owner.organization_id), "--reason", "Missbrauch")
        assert result.exit_code == 0, result.output
        assert "is suspended\n" in result.stdout

        async def write() -> Any:
            return await owner.client.patch(CURRENT, json={"locale": "en"}, headers={"if-match": '"9"'})

        async def refused() -> bool:
            answer = await write()
            return answer.status_code == 403 and answer.json()["code"] == "organization_suspended"

        assert await eventually(refused, within=3)
        assert (await owner.client.get(CURRENT)).json()["status"] == "suspended"
        assert await standing(database, owner.organization_id) == "suspended"
        await bill(database, owner.organization_id, "active")
        assert (await owner.client.get(CURRENT)).json()["status"] == "suspended"
        assert "is active\n" in (await operate(place, "resume", str(owner.organization_id))).stdout
        assert await statuses(database, owner.organization_id) == ["suspended", "active"]

        async def taken() -> bool:
            return (await write()).status_code == 412

        assert await eventually(taken, within=3)

    async def test_says_what_cannot_be_done(self, founder: Founder, place: Place) -> None:
        known, unknown = str((await founder.found()).organization_id), str(new_id())
        assert (await operate(place, "suspend", known)).exit_code == 2
        assert (
            await operate(place, "resume", known)
        ).stderr == "Error: The organisation was not suspended by the operator.\n"
        assert (
            await operate(place, "suspend", unknown, "--reason", "x")
        ).stderr == "Error: There is no such organisation.\n"
        assert (await operate(place, "suspend", known, "--reason", "x")).exit_code == 0
        again = await operate(place, "suspend", known, "--reason", "y")
        assert (again.exit_code, again.stderr) == (1, "Error: The organisation is suspended already.\n")

    async def test_by_billing_is_not_taken_back_by_the_operator(
        self, founder: Founder, place: Place, worker_databases: dict[str, Database]
    ) -> None:
        owner = await founder.found()
        await bill(worker_databases["tenancy"], owner.organization_id, "paused")
        assert (await operate(place, "resume", str(owner.organization_id))).exit_code == 1
        assert (await owner.client.get(CURRENT)).json()["status"] == "suspended"


async def operate(place: Place, *arguments: str) -> Result:
    """Run a command of the operator, in a thread because it brings a loop of its own."""
    environment = place.environment("tenancy", "worker")
    return await asyncio.to_thread(CliRunner().invoke, commands(SERVICE), list(arguments), env=environment)


async def standing(database: Database, organization_id: UUID) -> str | None:
    """Return what the apis are told of whether it may write."""
    async with database.transaction(Context(), read_only=True) as tx:
        return await tx.value(str, "SELECT status FROM tenants WHERE organization_id = $1", organization_id)


async def seen(database: Database, organization_id: UUID) -> int:
    """Return the version of the subscription that was last taken over."""
    async with database.transaction(Context(organization_id=organization_id), read_only=True) as tx:
        version = await tx.value(
            int, "SELECT subscription_version FROM tenancy.organizations WHERE organization_id = $1", organization_id
        )
    return version or 0
