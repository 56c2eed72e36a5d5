"""An event takes effect once, however often and in whatever order it comes."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, LiteralString

import msgspec
import pytest

from carbot_contracts.event import Event
from carbot_contracts.tenancy import OrganizationChanged
from carbot_core import directory
from carbot_core.consume import Consumer, Envelope
from carbot_core.context import Context
from carbot_core.credentials import Credential
from carbot_core.db import Database
from carbot_core.ids import new_id
from carbot_testing.stage import Stage, lead_changed, recorder
from carbot_testing.world import Member, Organization, key_changed, membership_changed, registered, workshop_changed

type Eventually = Callable[..., Awaitable[Any]]


def envelope_of(organization: Organization, event: Event, version: int = 1) -> Envelope:
    return Envelope(
        event_id=new_id(),
        subject=event.subject,
        organization_id=organization.id,
        aggregate_id=event.aggregate_id(),
        version=version,
        occurred_at=datetime.now(UTC),
    )


class TestRedelivery:
    async def test_has_one_effect_with_two_workers(self, stage: Stage, eventually: Eventually) -> None:
        organization = await stage.organization()
        event, event_id = lead_changed(new_id(), organization.workshops[0]), new_id()
        last = new_id()

        async def last_heard() -> bool:
            return last in {each.aggregate_id for each in await stage.heard(organization)}

        for number in range(5):
            await stage.publish(organization.id, event, event_id=event_id, message_id=f"{event_id}.{number}")
        async with stage.worker(recorder()), stage.worker(recorder()):
            await eventually(lambda: stage.heard(organization), within=10)
            for number in range(5, 10):
                await stage.publish(organization.id, event, event_id=event_id, message_id=f"{event_id}.{number}")
            await stage.publish(organization.id, lead_changed(last, organization.workshops[0]))
            await eventually(last_heard, within=10)
            await eventually(lambda: _all_acknowledged(stage))
        assert [each.aggregate_id for each in await stage.heard(organization)].count(event.lead_id) == 1

    async def test_has_one_effect_at_the_same_moment(self, stage: Stage) -> None:
        organization = await stage.organization()
        event = lead_changed(new_id(), organization.workshops[0])
        envelope, body = envelope_of(organization, event), msgspec.json.encode(event)
        effects = await asyncio.gather(*(recorder().handle(stage.worker_database, envelope, body) for _ in range(5)))
        assert sorted(effects) == [False] * 4 + [True]
        assert len(await stage.heard(organization)) == 1


async def _all_acknowledged(stage: Stage) -> bool:
    info = await stage.stream.consumer_info("CRM", recorder().durable)
    return (info.num_pending, info.num_ack_pending) == (0, 0)


class TestVersionGate:
    @pytest.mark.parametrize("projection", ["organization", "workshop", "membership", "publishable_key"])
    async def test_lets_no_older_version_overwrite(self, projection: str, stage: Stage) -> None:
        organization = await stage.organization()
        newer, older, read = states(organization)[projection]
        consumer = directory.consumer("crm", publishable_keys=True)
        await tell(consumer, stage.worker_database, organization, newer, version=7)
        state = await look(stage, organization, read)
        assert state is not None
        await tell(consumer, stage.worker_database, organization, older, version=6)
        await tell(consumer, stage.worker_database, organization, older, version=7)
        assert await look(stage, organization, read) == state
        await tell(consumer, stage.worker_database, organization, older, version=9)
        assert await look(stage, organization, read) != state


async def tell(consumer: Consumer, database: Database, organization: Organization, event: Event, version: int) -> None:
    assert await consumer.handle(database, envelope_of(organization, event, version), msgspec.json.encode(event))


async def look(stage: Stage, organization: Organization, read: LiteralString) -> str | None:
    async with stage.worker_database.transaction(Context(organization_id=organization.id), read_only=True) as tx:
        return await tx.value(str, read, organization.id)


def states(organization: Organization) -> dict[str, tuple[Event, Event, LiteralString]]:
    """Return for each projection two states of one row, and the statement that tells them apart."""
    state = registered(organization.id)
    changed = OrganizationChanged(**msgspec.structs.asdict(state))
    workshop = workshop_changed(organization.workshops[0], 1)
    member = organization.members[0]
    key = key_changed(organization.keys[0], organization.workshops[0])
    other = Credential.mint("pk", organization.id, organization.keys[0].id)
    return {
        "organization": (
            msgspec.structs.replace(changed, legal_name="Neu"),
            changed,
            "SELECT legal_name FROM organizations WHERE organization_id = $1",
        ),
        "workshop": (
            msgspec.structs.replace(workshop, name="Neu"),
            workshop,
            "SELECT name FROM workshops WHERE organization_id = $1",
        ),
        "membership": (
            membership_changed(member, is_active=False),
            membership_changed(Member(member.user_id, member.membership_id, "owner", None)),
            "SELECT is_active::text FROM members WHERE organization_id = $1",
        ),
        "publishable_key": (
            key_changed(other, organization.workshops[0]),
            key,
            "SELECT secret_hash FROM publishable_keys WHERE organization_id = $1",
        ),
    }
