"""Events that can never take effect: kept once where people find them, while the others pass."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar
from uuid import UUID

import click
import msgspec
import pytest
from nats.errors import ConnectionClosedError
from nats.js.api import DeliverPolicy

from carbot_contracts.crm import LeadChanged
from carbot_contracts.event import Event
from carbot_contracts.tenancy import MembershipChanged, WorkshopChanged
from carbot_core import bus, cli, directory
from carbot_core.clock import utc_now
from carbot_core.consume import Consumer, Consumption, Envelope, Handler
from carbot_core.context import Context
from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_core.inbox import DeadLetter
from carbot_testing.stage import TRACE_ID, CommandError, Stage, envelope_headers, hear, lead_changed
from carbot_testing.world import Member, Organization, membership_changed, workshop_changed

type Eventually = Callable[..., Awaitable[Any]]

KINDS = ("bad JSON", "unknown subject", "unknown version", "handler bug", "database constraint")


class GadgetInvented(Event, frozen=True, kw_only=True):
    subject: ClassVar = "tenancy.gadget.invented.v1"
    aggregate: ClassVar = "gadget_id"

    gadget_id: UUID


class NewWorkshopChanged(Event, frozen=True, kw_only=True):
    subject: ClassVar = "tenancy.workshop.changed.v2"
    aggregate: ClassVar = "workshop_id"

    workshop_id: UUID
    title: str


class Everything(Consumer):
    """Hears every subject of tenancy's, also those that it does not know yet."""

    def __init__(self, handlers: Mapping[type[Event], Handler[Any]]) -> None:
        super().__init__("crm", "poison", "TENANCY", handlers)
        self.subjects = ("tenancy.>",)


async def project_carelessly(tx: Tx, event: WorkshopChanged, envelope: Envelope) -> None:
    await directory.project_workshop(tx, event, envelope)
    if event.name == "surprise":
        raise KeyError(event.name)


DIRECTORY: Mapping[type[Event], Handler[Any]] = {
    WorkshopChanged: directory.project_workshop,
    MembershipChanged: directory.project_membership,
}
BROKEN = Everything({**DIRECTORY, WorkshopChanged: project_carelessly})
MENDED = Everything({**DIRECTORY, GadgetInvented: hear, NewWorkshopChanged: hear})


async def publish_poison(stage: Stage, organization: Organization) -> dict[str, tuple[UUID, str, bytes]]:
    """Publish an event of each kind; return its id, subject and body."""
    workshop = workshop_changed(new_id(), 1)
    owner = organization.members[0]
    twin = Member(owner.user_id, new_id(), "viewer", None)
    bodies: dict[str, tuple[str, bytes]] = {
        "bad JSON": (WorkshopChanged.subject, msgspec.json.encode(workshop)[:-9]),
        "unknown subject": (GadgetInvented.subject, msgspec.json.encode(GadgetInvented(gadget_id=new_id()))),
        "unknown version": (
            NewWorkshopChanged.subject,
            msgspec.json.encode(NewWorkshopChanged(workshop_id=new_id(), title="Werkstatt")),
        ),
        "handler bug": (
            WorkshopChanged.subject,
            msgspec.json.encode(msgspec.structs.replace(workshop, name="surprise")),
        ),
        "database constraint": (MembershipChanged.subject, msgspec.json.encode(membership_changed(twin))),
    }
    sent: dict[str, tuple[UUID, str, bytes]] = {}
    for kind in KINDS:
        subject, body = bodies[kind]
        event_id = new_id()
        await stage.publish_raw(subject, body, envelope_headers(organization.id, event_id, new_id(), 1))
        await stage.publish(organization.id, workshop_changed(new_id(), 2))
        sent[kind] = event_id, subject, body
    return sent


async def count_workshops(stage: Stage, organization: Organization, name: str) -> int:
    async with stage.worker_database.transaction(Context(organization_id=organization.id), read_only=True) as tx:
        found = await tx.value(
            int, "SELECT count(*) FROM workshops WHERE organization_id = $1 AND name = $2", organization.id, name
        )
    return found or 0


class TestPoison:
    async def test_is_buried_once_and_takes_effect_when_its_cause_is_mended(
        self, stage: Stage, eventually: Eventually
    ) -> None:
        organization = await stage.organization()

        async def buried() -> bool:
            return {each.event_id for each in await stage.dead_letters()} >= {each[0] for each in sent.values()}

        async def none_held_up() -> bool:
            return await count_workshops(stage, organization, "Werkstatt 3") == len(KINDS)

        async def none_comes_again() -> bool:
            info = await stage.stream.consumer_info("TENANCY", BROKEN.durable)
            return (info.num_pending, info.num_ack_pending) == (0, 0)

        async with stage.worker(BROKEN):
            sent = await publish_poison(stage, organization)
            for promise in (buried, none_held_up, none_comes_again):
                await eventually(promise, within=10)

        letters = [
            each for each in await stage.dead_letters() if each.headers.get("organization") == str(organization.id)
        ]
        found = {kind: each for each in letters for kind, (event_id, _, _) in sent.items() if each.event_id == event_id}
        assert len(letters) == len(found) == len(KINDS)
        assert {kind: (each.subject, each.body) for kind, each in found.items()} == {
            kind: (subject, body) for kind, (_, subject, body) in sent.items()
        }
        assert {kind: each.error for kind, each in found.items()} == {
            "bad JSON": "Unreadable",
            "unknown subject": "Unreadable",
            "unknown version": "Unreadable",
            "handler bug": "KeyError",
            "database constraint": "constraint_violated",
        }
        assert {each.trace_id for each in found.values()} == {TRACE_ID}
        assert {each.consumer for each in found.values()} == {"poison"}

        await stage.as_owner(f"DELETE FROM crm.members WHERE organization_id = '{organization.id}'")
        for _ in range(2):
            for kind in KINDS[1:]:
                await replay(stage, found[kind].id)
        assert len(await stage.heard(organization)) == 2, "what was replayed twice took effect twice, or not at all"
        assert await count_workshops(stage, organization, "surprise") == 1
        assert await count_members(stage, organization) == 1

        with pytest.raises(click.ClickException, match="contract"):
            await replay(stage, found["bad JSON"].id)
        replayed = {each.id for each in await stage.dead_letters() if each.replayed_at is not None}
        assert {kind for kind, each in found.items() if each.id in replayed} == set(KINDS[1:])


async def replay(stage: Stage, letter_id: UUID) -> None:
    settings = stage.place.settings("crm", "worker")
    await cli.replay_dead_letter(stage.service(MENDED), settings, stage.worker_database, letter_id)


async def count_members(stage: Stage, organization: Organization) -> int:
    async with stage.worker_database.transaction(Context(organization_id=organization.id), read_only=True) as tx:
        found = await tx.value(int, "SELECT count(*) FROM members WHERE organization_id = $1", organization.id)
    return found or 0


class TestCommandLine:
    async def test_lists_shows_and_replays_a_dead_letter(self, stage: Stage, eventually: Eventually) -> None:
        organization = await stage.organization()
        twin = membership_changed(Member(organization.members[0].user_id, new_id(), "viewer", None))
        event_id = new_id()

        async def buried() -> DeadLetter | None:
            return next((each for each in await stage.dead_letters() if each.event_id == event_id), None)

        async with stage.worker(directory.consumer("crm", publishable_keys=True)):
            await stage.publish(organization.id, twin, event_id=event_id)
            letter: DeadLetter = await eventually(buried, within=10)

        assert str(letter.id) in await stage.command("dead-letters", "list")
        assert '"constraint_violated"' in await stage.command("dead-letters", "show", str(letter.id))
        with pytest.raises(CommandError, match="it still cannot take effect: constraint_violated"):
            await stage.command("dead-letters", "replay", str(letter.id))
        await stage.as_owner(f"DELETE FROM crm.members WHERE organization_id = '{organization.id}'")
        assert "it took effect" in await stage.command("dead-letters", "replay", str(letter.id))
        assert await count_members(stage, organization) == 1


class TestEnvelope:
    async def test_that_nobody_can_read_is_buried_with_its_event(self, stage: Stage, eventually: Eventually) -> None:
        bodies = {b"\0\xff", b'{"workshop_id": 1}'}

        async def buried() -> bool:
            return {each.body for each in await stage.dead_letters()} >= bodies

        async with stage.worker(BROKEN):
            for body in bodies:
                await stage.publish_raw(WorkshopChanged.subject, body, {"ce-id": "none", "aggregate": "a\0b"})
            await eventually(buried, within=10)
        assert [each.error for each in await stage.dead_letters() if each.body in bodies] == ["Unreadable"] * 2


class TestAcknowledgement:
    async def test_that_cannot_be_sent_does_not_bury_what_took_effect(self, stage: Stage) -> None:
        organization = await stage.organization()
        async with bus.connect(stage.nats.url, stage.nats.seed("crm"), "crm-test", wait=5) as client:

            async def hear_and_fall_silent(tx: Tx, event: Event, envelope: Envelope) -> None:
                await hear(tx, event, envelope)
                await client.close()

            stream = bus.jetstream(client)
            consumer = Consumer("crm", "silent", "CRM", {LeadChanged: hear_and_fall_silent})
            config = consumer.config()
            config.deliver_policy = DeliverPolicy.NEW
            await stream.add_consumer(consumer.stream, config)
            subscription = await stream.pull_subscribe_bind(consumer=consumer.durable, stream=consumer.stream)
            await stage.publish(organization.id, lead_changed(new_id(), organization.workshops[0]))
            messages = await subscription.fetch(1, timeout=5)
            with pytest.raises(ConnectionClosedError):
                await Consumption(consumer, stage.worker_database, stream, utc_now)._handle_all(messages)
        assert len(await stage.heard(organization)) == 1
        assert [each for each in await stage.dead_letters() if each.consumer == "silent"] == []
