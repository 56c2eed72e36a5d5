"""The audit log: what the services report, sealed, and what is shown of it."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from carbot_compliance.app import SERVICE
from carbot_compliance.audit.events import AuditConsumer
from carbot_core.consume import Consumer, Envelope, Unreadable
from carbot_core.context import Context
from carbot_core.crypto import Sealer
from carbot_core.db import Database
from carbot_core.ids import new_id
from carbot_core.settings import SettingError
from carbot_testing.plugin import Connect
from carbot_testing.running import AUDIT_PUBLIC_KEYS, Place
from carbot_testing.world import World

LOGS = "/api/compliance/v1/audit-logs"
SEALER = Sealer(AUDIT_PUBLIC_KEYS)


class Reporter:
    """Reports changes as a service's triggers and relay do, straight to the consumer."""

    def __init__(self, consumer: Consumer, database: Database) -> None:
        self.consumer = consumer
        self.database = database
        self.organization_id = new_id()

    def sealed(self, *changes: Any, **header: Any) -> tuple[Envelope, bytes]:
        event_id = new_id()
        report = {
            "table": "crm.leads",
            "action": "update",
            "actor": f"user:{uuid4()}",
            "user_id": None,
            "request_id": str(uuid4()),
            "trace_id": "0" * 32,
            "occurred_at": datetime.now(UTC).isoformat(),
            "personal": ["name"],
            "changes": changes,
            **header,
        }
        envelope = Envelope(
            event_id=event_id,
            subject="audit.crm",
            organization_id=self.organization_id,
            aggregate_id=UUID(int=0),
            version=0,
            occurred_at=datetime.now(UTC),
            seal_key=SEALER.key_id,
        )
        return envelope, SEALER.seal(msgspec.json.encode(report), str(event_id))

    async def report(self, *changes: Any, **header: Any) -> bool:
        return await self.consumer.handle(self.database, *self.sealed(*changes, **header))


def renamed(before: str | None, after: str, row_id: UUID | None = None, **columns: Any) -> dict[str, Any]:
    row = str(row_id or uuid4())
    return {
        "row_id": row,
        "subject_id": row,
        "old": {"id": row, "name": before, **columns},
        "new": {"id": row, "name": after, **columns},
    }


@pytest.fixture
def reporter(place: Place, worker_databases: dict[str, Database]) -> Reporter:
    consumer = next(each for each in SERVICE.consumers if each.name == "audit")
    return Reporter(consumer.prepare(place.settings("compliance", "worker")), worker_databases["compliance"])


type Connection = asyncpg.Connection[asyncpg.Record]


async def superuser(place: Place) -> Connection:
    connection = await asyncpg.connect(place.plane.dsn_superuser(place.database))
    await connection.execute("SET search_path = compliance, core, public")
    return connection


async def destroy_key(place: Place, subject_id: UUID) -> None:
    connection = await superuser(place)
    await connection.execute(
        "UPDATE compliance.subject_keys SET wrapped_key = NULL, destroyed_at = now() WHERE subject_id = $1", subject_id
    )
    await connection.close()


async def items(connect: Connect, organization_id: UUID, **parameters: Any) -> list[dict[str, Any]]:
    """List entries, without the trail of the subject keys: it comes by itself, later, where the workers run."""
    answer = await connect("compliance", organization_id).get(LOGS, params=parameters)
    assert answer.status_code == 200, answer.text
    return [entry for entry in answer.json()["items"] if entry["table"] != "compliance.subject_keys"]


class TestPipeline:
    @pytest.mark.usefixtures("workers")
    async def test_shows_what_a_user_did_in_another_service(
        self, world: World, connect: Connect, eventually: Callable[..., Any]
    ) -> None:
        organization = await world.organization()
        crm = connect("crm", organization)
        new = {"workshop_id": str(organization.workshops[0]), "source": "phone", "name": "Erika", "phone": "030 901820"}
        lead = (await crm.post("/api/crm/v1/leads", json={**new, "request": "HU"})).json()
        headers = {"if-match": f'"{lead["revision"]}"'}
        await crm.patch(f"/api/crm/v1/leads/{lead['id']}", json={"name": "Erika Schulz"}, headers=headers)

        async def both() -> list[dict[str, Any]] | None:
            found = await items(connect, organization.id, row_id=lead["id"])
            return found if len(found) == 2 else None

        changed, made = await eventually(both)
        assert (made["action"], made["table"], made["actor"]["kind"]) == ("insert", "crm.leads", "user")
        assert made["changes"]["name"] == {"new": "Erika"}
        assert changed["actor"]["id"] == str(organization.member("owner").user_id)
        assert changed["changes"].keys() == {"name", "lead_score"}
        assert changed["changes"]["name"] == {"old": "Erika", "new": "Erika Schulz"}
        assert changed["request_id"]


class TestRecord:
    async def test_keeps_the_difference_and_every_digit(self, reporter: Reporter, connect: Connect) -> None:
        old, new = msgspec.Raw(b"1.50"), msgspec.Raw(b"123456789012345678901234.50")
        row = {"row_id": str(uuid4()), "old": {"a": old, "b": [1, {"c": 2}]}, "new": {"a": new, "b": [1, {"c": 2}]}}
        await reporter.report(row)
        answer = await connect("compliance", reporter.organization_id).get(LOGS)
        assert '"changes":{"a":{"old":1.50,"new":123456789012345678901234.50}}' in answer.text

    async def test_says_that_something_changed_which_is_never_recorded(
        self, reporter: Reporter, connect: Connect
    ) -> None:
        await reporter.report(renamed("Erika", "Erika"))
        (entry,) = await items(connect, reporter.organization_id)
        assert (entry["action"], entry["changes"]) == ("update", {})

    async def test_takes_a_report_once_alone_or_together(self, reporter: Reporter, connect: Connect) -> None:
        first, second = reporter.sealed(renamed("A", "B"), renamed("C", "D")), reporter.sealed(renamed("E", "F"))
        assert await reporter.consumer.handle(reporter.database, *first)
        assert not await reporter.consumer.handle(reporter.database, *first)
        assert await reporter.consumer.handle_together(reporter.database, [first, second, second])
        assert len(await items(connect, reporter.organization_id)) == 3

    async def test_stores_no_personal_value_in_the_clear_and_a_leaf_over_the_bytes(
        self, reporter: Reporter, place: Place
    ) -> None:
        await reporter.report(renamed("Erika Mustermann", "Erika Schulz", status="new"))
        connection = await superuser(place)
        row = await connection.fetchrow(
            "SELECT content, leaf_hash, changed_columns FROM compliance.audit_logs WHERE organization_id = $1",
            reporter.organization_id,
        )
        await connection.close()
        assert row is not None
        assert row["leaf_hash"] == hashlib.sha256(b"\0" + row["content"]).digest()
        assert row["changed_columns"] == ["name"]
        assert b"Erika" not in row["content"]
        assert b" " not in row["content"]

    async def test_refuses_what_does_not_open(self, reporter: Reporter) -> None:
        envelope, body = reporter.sealed(renamed("A", "B"))
        with pytest.raises(Unreadable):
            await reporter.consumer.handle(reporter.database, envelope, body[:-1] + bytes([body[-1] ^ 1]))
        moved = msgspec.structs.replace(envelope, event_id=new_id())
        with pytest.raises(Unreadable):
            await reporter.consumer.handle(reporter.database, moved, body)
        unsealed = msgspec.structs.replace(envelope, seal_key=None)
        with pytest.raises(Unreadable):
            await reporter.consumer.handle(reporter.database, unsealed, b"{}")

    async def test_cannot_be_changed_by_any_process(
        self, reporter: Reporter, api_databases: dict[str, Database]
    ) -> None:
        await reporter.report(renamed("A", "B"))
        context = Context(organization_id=reporter.organization_id)
        for database in (reporter.database, api_databases["compliance"]):
            for statement in (
                "UPDATE compliance.audit_logs SET action = 'insert'",
                "DELETE FROM compliance.audit_logs",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    async with database.transaction(context) as tx:
                        await tx.execute(statement)

    def test_needs_the_private_keys(self, place: Place) -> None:
        settings = msgspec.structs.replace(place.settings("compliance", "worker"), audit_private_keys="")
        with pytest.raises(SettingError, match="CARBOT_AUDIT_PRIVATE_KEYS is missing"):
            AuditConsumer().prepare(settings)


class TestErasure:
    async def test_hides_what_was_said_before_and_drops_what_is_said_after(
        self, reporter: Reporter, connect: Connect, place: Place
    ) -> None:
        person = uuid4()
        await reporter.report(renamed("Erika", "Erika Schulz", person))
        await destroy_key(place, person)
        await reporter.report(renamed("Erika Schulz", "Erika Maier", person))
        entries = await items(connect, reporter.organization_id, row_id=str(person))
        assert [entry["changes"] for entry in entries] == [{"name": {"old": None, "new": None, "erased": True}}] * 2

    async def test_leaves_others_as_they_are(self, reporter: Reporter, connect: Connect, place: Place) -> None:
        person, other = uuid4(), uuid4()
        await reporter.report(renamed("A", "B", person), renamed(None, "C", other))
        await destroy_key(place, person)
        (entry,) = await items(connect, reporter.organization_id, row_id=str(other))
        assert entry["changes"] == {"name": {"old": None, "new": "C"}}


class TestList:
    async def test_pages_newest_first(self, reporter: Reporter, connect: Connect) -> None:
        at = datetime(2026, 11, 1, tzinfo=UTC)
        for minute in (0, 1, 1, 2, 3):
            await reporter.report(renamed("A", "B"), occurred_at=(at + timedelta(minutes=minute)).isoformat())
        client, seen, cursor = connect("compliance", reporter.organization_id), [], None
        while cursor or not seen:
            page = (
                await client.get(
                    LOGS, params={"limit": 2, "table": "crm.leads"} | ({"cursor": cursor} if cursor else {})
                )
            ).json()
            seen += page["items"]
            cursor = page["next_cursor"]
        assert len({entry["id"] for entry in seen}) == 5
        assert [e["occurred_at"] for e in seen] == sorted((e["occurred_at"] for e in seen), reverse=True)

    async def test_filters(self, reporter: Reporter, connect: Connect) -> None:
        row, actor, at = uuid4(), uuid4(), datetime(2026, 11, 1, tzinfo=UTC)
        await reporter.report(renamed("A", "B", row), occurred_at=at.isoformat())
        await reporter.report(renamed("B", "C", row), actor=f"api_key:{actor}", table="crm.customers")
        for expected, parameters in (
            (2, {}),
            (2, {"row_id": str(row)}),
            (1, {"row_id": str(row), "table": "crm.leads"}),
            (0, {"row_id": "01890a5d-ac96-774b-bcce-b302099a8057"}),
            (1, {"actor_id": str(actor)}),
            (0, {"actor_id": str(actor), "table": "crm.leads"}),
            (1, {"actor_id": str(actor), "row_id": str(row)}),
            (1, {"table": "crm.customers"}),
            (1, {"from": "2026-11-01T00:00:00.000001Z"}),
            (2, {"from": "2026-11-01T01:00:00+01:00"}),
            (0, {"to": "2026-11-01T00:00:00Z"}),
            (1, {"to": "2026-11-01T00:00:00.000001Z", "table": "crm.leads"}),
        ):
            assert len(await items(connect, reporter.organization_id, **parameters)) == expected, parameters

    @pytest.mark.parametrize(
        ("parameter", "value"),
        [
            ("table", "leads"),
            ("table", "crm.leads;--"),
            ("from", "2026-11-01T00:00:00"),
            ("to", "1700000000"),
            ("row_id", "1"),
            ("cursor", "x"),
        ],
    )
    async def test_refuses_what_is_malformed(
        self, reporter: Reporter, connect: Connect, parameter: str, value: str
    ) -> None:
        answer = await connect("compliance", reporter.organization_id).get(LOGS, params={parameter: value})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == parameter

    async def test_shows_nobody_elses(self, reporter: Reporter, connect: Connect) -> None:
        await reporter.report(renamed("A", "B"))
        assert await items(connect, new_id()) == []

    async def test_needs_the_scope(self, connect: Connect) -> None:
        assert (await connect("compliance", new_id(), "data_protection_officer").get(LOGS)).status_code == 200
        assert (await connect("compliance", new_id(), "manager").get(LOGS)).status_code == 403
        assert (await connect("compliance").get(LOGS)).status_code == 401
