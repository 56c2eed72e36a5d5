"""The scenarios: what each sets up for one life, and what must hold when that is over, before and after another has taken over."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from carbot_core import inbox, timers
from carbot_core.clock import utc_now
from carbot_core.consume import Consumer
from carbot_core.context import Context
from carbot_core.crypto import Sealer
from carbot_core.ids import new_id
from carbot_core.outbox_lanes import AUDIT
from carbot_core.relay import Relay
from carbot_testing.running import AUDIT_PUBLIC_KEYS, service
from carbot_testing.stage import Stage, change, envelope_headers, lead_changed
from carbot_testing.world import Organization
from tests.chaos.crash_points.lives import crm, listener
from tests.chaos.crash_points.nursery import Outcome
from tests.chaos.crash_points.scenario import Scenario, arrived

LEASE_IS_OVER = 120


class Write(Scenario):
    """A lead is posted with an Idempotency-Key, and posted again with the same by whoever got no answer."""

    work = "post"
    process = "api"
    settles = False
    fewest_points = 15

    async def prepare(self) -> dict[str, Any]:
        self.organization = await self.stage.organization()
        lead = {
            "workshop_id": str(self.organization.workshops[0]),
            "source": "phone",
            "name": "Jörg Müller",
            "phone": "030 901820",
            "request": "Reifen",
        }
        token = self.issuer.token(self.organization.id)
        return {"lead": lead, "authorization": f"Bearer {token}", "key": str(new_id())}

    async def stored(self) -> tuple[int, ...]:
        return await self.counts(
            """
            SELECT (SELECT count(*) FROM crm.leads WHERE organization_id = $1),
                (SELECT count(*) FROM crm.lead_interactions WHERE organization_id = $1),
                (SELECT count(*) FROM crm.outbox WHERE organization_id = $1),
                (SELECT count(*) FROM crm.audit_outbox
                    WHERE organization_id = $1 AND convert_from(body, 'UTF8') LIKE '%"crm.leads"%'),
                (SELECT count(*) FROM crm.idempotency_keys WHERE organization_id = $1)
            """,
            self.organization.id,
        )

    async def judge_remains(self, outcome: Outcome) -> None:
        stored = await self.stored()
        assert len(set(stored)) == 1, f"half a write is stored: {stored}"
        if any(fact.get("status") == 201 for fact in outcome.told):
            assert stored[0] == 1, "a write that was acknowledged is lost"

    async def judge(self, outcome: Outcome, recovery: Outcome) -> None:
        assert await self.stored() == (1, 1, 1, 1, 1)
        lead_id = await self.eye.fetchval("SELECT id FROM crm.leads WHERE organization_id = $1", self.organization.id)
        answers = [fact for fact in (*outcome.told, *recovery.told) if fact.get("status") == 201]
        assert {answer["answer"]["id"] for answer in answers} == {str(lead_id)}


class Carry(Scenario):
    """The relay carries six events of two leads."""

    work = "relay"
    fewest_points = 10

    async def prepare(self) -> dict[str, Any]:
        organization = await self.stage.organization()
        await self.eye.execute("UPDATE crm.outbox SET published_at = now() WHERE published_at IS NULL")
        self.leads = [await self.stage.lead(organization) for _ in range(2)]
        for _ in range(3):
            for lead_id in self.leads:
                async with self.stage.api_database.transaction(Context(organization_id=organization.id)) as tx:
                    await change(tx, organization, lead_id)
        self.before = (await self.stage.stream.stream_info("CRM")).state.last_seq
        return {}

    async def settled(self) -> bool:
        return await self.stage.unpublished() == 0

    async def judge_remains(self, outcome: Outcome) -> None:
        [marked] = await self.counts(
            "SELECT count(*) FROM crm.outbox WHERE aggregate_id = ANY ($1) AND published_at IS NOT NULL", self.leads
        )
        assert marked <= len(await arrived(self.stage, "CRM", self.before)), "an event is marked and was not published"

    async def judge(self, outcome: Outcome, recovery: Outcome) -> None:
        headers = await arrived(self.stage, "CRM", self.before)
        assert len({each["ce-id"] for each in headers}) == len(headers) == 6
        for lead_id in self.leads:
            versions = [int(each["aggregate-version"]) for each in headers if each["aggregate"] == str(lead_id)]
            assert versions == [2, 3, 4], "the broker has them in another order"


class Listen(Scenario):
    """A consumer hears three events of two leads, and announces one of its own for each."""

    work = "listen"
    fewest_points = 15
    consumer = listener()

    async def prepare(self) -> dict[str, Any]:
        await self.make_durable(self.consumer)
        self.organization = await self.stage.organization()
        self.leads = [new_id(), new_id()]
        for lead_id, version in ((self.leads[0], 2), (self.leads[1], 2), (self.leads[0], 3)):
            event = lead_changed(lead_id, self.organization.workshops[0])
            await self.stage.publish(self.organization.id, event, version)
        return {"consumer": self.consumer.name}

    async def settled(self) -> bool:
        return await self.consumed(self.consumer)

    async def effects(self) -> tuple[int, ...]:
        """Count what was heard, each event once, what was announced, and what is claimed."""
        return await self.counts(
            """
            SELECT (SELECT count(*) FROM crm.heard WHERE organization_id = $1),
                (SELECT count(DISTINCT event_id) FROM crm.heard WHERE organization_id = $1),
                (SELECT count(*) FROM crm.outbox WHERE organization_id = $1),
                (SELECT count(*) FROM crm.inbox JOIN crm.heard USING (event_id) WHERE organization_id = $1)
            """,
            self.organization.id,
        )

    async def judge_remains(self, outcome: Outcome) -> None:
        effects = await self.effects()
        assert len(set(effects)) == 1, f"half an effect, or two: {effects}"

    async def judge(self, outcome: Outcome, recovery: Outcome) -> None:
        assert await self.effects() == (3, 3, 3, 3)
        assert await self.stage.mirror(self.organization) == {self.leads[0]: 3, self.leads[1]: 2}


class Bury(Scenario):
    """A consumer refuses an event, which becomes a dead letter."""

    work = "listen"
    fewest_points = 15
    consumer = listener("refuser")

    async def prepare(self) -> dict[str, Any]:
        await self.make_durable(self.consumer)
        self.organization = await self.stage.organization()
        self.event_id = new_id()
        event = lead_changed(new_id(), self.organization.workshops[0])
        await self.stage.publish(self.organization.id, event, 2, event_id=self.event_id)
        return {"consumer": self.consumer.name}

    async def settled(self) -> bool:
        return await self.consumed(self.consumer)

    async def judge(self, outcome: Outcome, recovery: Outcome) -> None:
        assert await self.counts(
            """
            SELECT (SELECT count(*) FROM crm.dead_letters WHERE event_id = $2 AND replayed_at IS NULL),
                (SELECT count(*) FROM crm.heard WHERE organization_id = $1),
                (SELECT count(*) FROM crm.outbox WHERE organization_id = $1),
                (SELECT count(*) FROM crm.inbox WHERE event_id = $2)
            """,
            self.organization.id,
            self.event_id,
        ) == (1, 0, 0, 0)


class Replay(Scenario):
    """An operator replays a dead letter, and again, not knowing how far the first time came."""

    work = "replay"
    settles = False
    fewest_points = 15

    async def prepare(self) -> dict[str, Any]:
        self.organization, self.event_id = await self.stage.organization(), new_id()
        lead_id = new_id()
        event = lead_changed(lead_id, self.organization.workshops[0])
        headers = envelope_headers(self.organization.id, self.event_id, lead_id, 2)
        async with self.stage.worker_database.transaction(Context()) as tx:
            await inbox.bury(tx, crm().consumers[0].name, event.subject, headers, msgspec.json.encode(event), "broken")
        self.letter: UUID = await self.eye.fetchval(
            "SELECT id FROM crm.dead_letters WHERE event_id = $1", self.event_id
        )
        return {"letter": str(self.letter)}

    async def state(self) -> tuple[int, ...]:
        return await self.counts(
            """
            SELECT (SELECT count(*) FROM crm.heard WHERE organization_id = $1),
                (SELECT count(*) FROM crm.outbox WHERE organization_id = $1),
                (SELECT count(*) FROM crm.inbox WHERE event_id = $2),
                (SELECT count(*) FROM crm.dead_letters WHERE event_id = $2 AND replayed_at IS NOT NULL)
            """,
            self.organization.id,
            self.event_id,
        )

    async def judge_remains(self, outcome: Outcome) -> None:
        heard, announced, claimed, replayed = await self.state()
        assert heard == announced == claimed >= replayed, "half an effect, or a letter that is said to have had one"

    async def judge(self, outcome: Outcome, recovery: Outcome) -> None:
        assert await self.state() == (1, 1, 1, 1)


class Seal(Scenario):
    """The audit lane's relay seals what a lead's three changes left behind."""

    work = "seal"
    fewest_points = 10

    async def prepare(self) -> dict[str, Any]:
        self.organization = await audited(self.stage, self.eye)
        self.expected = [
            str(row["event_id"])
            for row in await self.eye.fetch(
                "SELECT event_id FROM crm.audit_outbox WHERE organization_id = $1 AND published_at IS NULL ORDER BY pos",
                self.organization.id,
            )
        ]
        self.before = (await self.stage.stream.stream_info("AUDIT")).state.last_seq
        return {}

    async def settled(self) -> bool:
        return await self.eye.fetchval("SELECT count(*) FROM crm.audit_outbox WHERE published_at IS NULL") == 0

    async def judge(self, outcome: Outcome, recovery: Outcome) -> None:
        headers = await arrived(self.stage, "AUDIT", self.before)
        assert [each["ce-id"] for each in headers] == self.expected
        assert len(self.expected) == 3


class Append(Scenario):
    """Compliance opens three reports that came together, and appends them to the log."""

    work = "append"
    service = "compliance"
    fewest_points = 15

    @property
    def consumer(self) -> Consumer:
        return next(each for each in service("compliance").consumers if each.name == "audit")

    async def prepare(self) -> dict[str, Any]:
        await self.make_durable(self.consumer)
        self.organization = await audited(self.stage, self.eye)
        await Relay(
            self.stage.worker_database,
            self.stage.stream,
            service="crm",
            lane=AUDIT,
            connected=lambda: True,
            sealer=Sealer(AUDIT_PUBLIC_KEYS),
        ).carry()
        return {}

    async def settled(self) -> bool:
        return await self.consumed(self.consumer)

    async def entries(self) -> tuple[int, ...]:
        """Count the entries of leads, and what is claimed."""
        return await self.counts(
            """
            SELECT (SELECT count(*) FROM compliance.audit_logs WHERE organization_id = $1 AND table_name = 'leads'),
                (SELECT count(*) FROM compliance.inbox JOIN crm.audit_outbox USING (event_id) WHERE organization_id = $1)
            """,
            self.organization.id,
        )

    async def judge_remains(self, outcome: Outcome) -> None:
        recorded, claimed = await self.entries()
        assert recorded == claimed

    async def judge(self, outcome: Outcome, recovery: Outcome) -> None:
        assert await self.entries() == (3, 3)


class Fire(Scenario):
    """A timer fires."""

    work = "fire"
    fewest_points = 10
    later = LEASE_IS_OVER

    async def prepare(self) -> dict[str, Any]:
        self.organization = await self.stage.organization()
        kind = f"fire.{new_id()}"
        async with self.stage.worker_database.transaction(Context(organization_id=self.organization.id)) as tx:
            await timers.start(tx, kind, new_id(), utc_now())
        return {"kind": kind}

    async def state(self) -> tuple[int, ...]:
        return await self.counts(
            """
            SELECT (SELECT count(*) FROM crm.timers WHERE organization_id = $1),
                (SELECT count(*) FROM crm.heard WHERE organization_id = $1)
            """,
            self.organization.id,
        )

    async def settled(self) -> bool:
        return (await self.state())[0] == 0

    async def judge_remains(self, outcome: Outcome) -> None:
        assert sum(await self.state()) == 1, "the timer is lost, or it had its effect and comes again"

    async def judge(self, outcome: Outcome, recovery: Outcome) -> None:
        assert await self.state() == (0, 1)


class RunJob(Scenario):
    """A job runs under its lease; who takes over runs it again after the lease."""

    work = "run_job"
    settles = False
    fewest_points = 15
    later = LEASE_IS_OVER

    async def prepare(self) -> dict[str, Any]:
        self.organization, self.job = await self.stage.organization(), f"job.{new_id()}"
        async with self.stage.worker_database.transaction(Context(organization_id=self.organization.id)) as tx:
            await tx.execute(
                "INSERT INTO crm.mirror (organization_id, lead_id, version) VALUES ($1, $2, 1)",
                self.organization.id,
                new_id(),
            )
        return {"job": self.job, "organization": str(self.organization.id)}

    async def judge(self, outcome: Outcome, recovery: Outcome) -> None:
        finished = not outcome.died
        batches = sum("batch" in fact for fact in recovery.told)
        assert await self.counts(
            """
            SELECT (SELECT count(*) FROM crm.mirror WHERE organization_id = $1),
                (SELECT count(*) FROM crm.jobs WHERE name = $2 AND holder IS NULL AND last_run_at IS NOT NULL)
            """,
            self.organization.id,
            self.job,
        ) == (0, 1)
        assert batches in ({0} if finished else {0, 2})


SCENARIOS = (Write, Carry, Listen, Bury, Replay, Seal, Append, Fire, RunJob)


async def audited(stage: Stage, eye: asyncpg.Connection) -> Organization:
    """Make a lead and change it twice; of all that the audit lane has to carry, only that is left."""
    organization = await stage.organization()
    await eye.execute("UPDATE crm.audit_outbox SET published_at = now() WHERE published_at IS NULL")
    lead_id = await stage.lead(organization)
    for _ in range(2):
        async with stage.api_database.transaction(Context(organization_id=organization.id)) as tx:
            await tx.execute(
                "UPDATE crm.leads SET priority = priority + 1 WHERE organization_id = $1 AND id = $2",
                organization.id,
                lead_id,
            )
    return organization
