"""The oracle: what happened against what became of it in the streams, the projections and the audit log."""

import json
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, LiteralString
from uuid import UUID, uuid5

import asyncpg
from nats.js.api import AckPolicy, ConsumerConfig

from carbot_core import bus
from carbot_testing.data_plane import NatsServer
from carbot_testing.running import service
from tests.chaos.storm.oracle import Findings

_FETCH = 500
_OPERATOR = UUID(int=0)
"""Whose events are heartbeats of several workers: their versions are times, in no order."""

_EVENTS: dict[str, LiteralString] = {
    "TENANCY": "SELECT event_id, aggregate_id, aggregate_version AS version, subject FROM tenancy.outbox ORDER BY pos",
    "CRM": "SELECT event_id, aggregate_id, aggregate_version AS version, subject FROM crm.outbox ORDER BY pos",
}
_REPORTS: LiteralString = """
    SELECT event_id, pos, body FROM tenancy.audit_outbox
    UNION ALL SELECT event_id, pos, body FROM crm.audit_outbox
    UNION ALL SELECT event_id, pos, body FROM compliance.audit_outbox
"""
_INBOXES: dict[str, LiteralString] = {
    "crm": "SELECT event_id FROM crm.inbox WHERE consumer = $1",
    "compliance": "SELECT event_id FROM compliance.inbox WHERE consumer = $1",
}
_DEAD: LiteralString = """
    SELECT 'tenancy' AS service, consumer, subject, error FROM tenancy.dead_letters
    UNION ALL SELECT 'crm', consumer, subject, error FROM crm.dead_letters
    UNION ALL SELECT 'compliance', consumer, subject, error FROM compliance.dead_letters
"""
_PROJECTED: dict[str, LiteralString] = {
    "crm": "SELECT id, name, slug, is_active, version FROM crm.workshops",
    "compliance": "SELECT id, name, slug, is_active, version FROM compliance.workshops",
}


async def compare_events(findings: Findings, connection: asyncpg.Connection, nats: NatsServer) -> None:
    """Compare every event and every change with each of its effects."""
    for stream, sql in _EVENTS.items():
        rows = await connection.fetch(sql)
        _compare_versions(findings, f"{stream} outbox", [(row["aggregate_id"], row["version"]) for row in rows])
        published = await _published(nats, stream)
        _compare_stream(findings, stream, {row["event_id"] for row in rows}, published)
    for name in _INBOXES:
        await _compare_directory(findings, connection, name)
    await _compare_audit(findings, connection, nats)
    dead = [tuple(row) for row in await connection.fetch(_DEAD)]
    findings.expect_none("nothing is in the dead letters", dead)


def _compare_versions(findings: Findings, place: str, events: Sequence[tuple[UUID, int]]) -> None:
    """Each aggregate's versions begin at one and go up by one."""
    versions: dict[UUID, list[int]] = defaultdict(list)
    for aggregate, version in events:
        versions[aggregate].append(version)
    wrong = [
        f"{place} {aggregate}: {found}"
        for aggregate, found in versions.items()
        if aggregate != _OPERATOR and found != list(range(1, len(found) + 1))
    ]
    findings.expect_none("each change is announced once, in order", wrong, len(events))


def _compare_stream(
    findings: Findings, stream: str, expected: set[UUID], published: list[tuple[UUID, UUID, int]]
) -> None:
    """Everything was published, and nothing overtook an earlier version when it first came."""
    arrived = {event_id for event_id, _, _ in published}
    findings.expect_none("every event is in its stream", expected - arrived, len(expected))
    findings.expect_none("no event comes from nowhere", arrived - expected, len(arrived))
    seen: set[UUID] = set()
    last: dict[UUID, int] = defaultdict(int)
    overtaken: list[str] = []
    for event_id, aggregate, version in published:
        if event_id not in seen:
            seen.add(event_id)
            if version <= last[aggregate] and aggregate != _OPERATOR:
                overtaken.append(f"{stream} {aggregate}: {version} after {last[aggregate]}")
            last[aggregate] = version
    findings.expect_none("no event is overtaken in its stream", overtaken, len(seen))
    findings.compared[f"({stream}: delivered again)"] += len(published) - len(seen)


async def _compare_directory(findings: Findings, connection: asyncpg.Connection, name: str) -> None:
    """The projection took each event of tenancy once, each newer version once, and shows what tenancy has."""
    subjects = next(each for each in service(name).consumers if each.name == "directory").subjects
    expected = {row["event_id"] for row in await connection.fetch(_EVENTS["TENANCY"]) if row["subject"] in subjects}
    inbox = {row["event_id"] for row in await connection.fetch(_INBOXES[name], "directory")}
    findings.expect_none("every event took effect", (f"{name} {each}" for each in expected - inbox), len(expected))
    taken = await connection.fetch("SELECT id, version FROM storm.taken WHERE service = $1 ORDER BY number", name)
    versions: dict[UUID, list[int]] = defaultdict(list)
    for row in taken:
        versions[row["id"]].append(row["version"])
    wrong = [f"{name} {each}: {found}" for each, found in versions.items() if any(a >= b for a, b in pairwise(found))]
    findings.expect_none("no version takes effect twice or after a later one", wrong, len(taken))
    owned = await connection.fetch("SELECT id, name, slug, is_active, revision AS version FROM tenancy.workshops")
    shown = {row["id"]: tuple(row) for row in await connection.fetch(_PROJECTED[name])}
    for row in owned:
        findings.expect_same("each projection shows what its owner has", tuple(row), shown.pop(row["id"], None), name)
    findings.expect_none("no projection shows what is not there", shown)


async def _compare_audit(findings: Findings, connection: asyncpg.Connection, nats: NatsServer) -> None:
    """Each change is in the log once, and what a row is before a change is what it was after the one before."""
    reports = await connection.fetch(_REPORTS)
    arrived = {event_id for event_id, _, _ in await _published(nats, "AUDIT")}
    findings.expect_none("every event is in its stream", {row["event_id"] for row in reports} - arrived, len(reports))
    expected = {
        uuid5(row["event_id"], str(index))
        for row in reports
        for index in range(len(json.loads(row["body"])["changes"]))
    }
    entries = await connection.fetch(
        "SELECT id, table_name, row_id, occurred_at, content FROM compliance.audit_logs ORDER BY occurred_at, id"
    )
    logged = [entry["id"] for entry in entries]
    findings.expect_none("every change is in the audit log", expected - set(logged), len(expected))
    findings.expect_none("no change is there from nowhere", set(logged) - expected)
    findings.expect_same("no change is there twice", len(expected), len(logged), "audit log")
    _compare_chains(findings, [entry for entry in entries if entry["table_name"] == "workshops"], "name")
    _compare_chains(findings, [entry for entry in entries if entry["table_name"] == "leads"], "estimated_value")


def _compare_chains(findings: Findings, entries: Sequence[asyncpg.Record], column: str) -> None:
    value: dict[UUID, Any] = {}
    broken: list[str] = []
    for entry in entries:
        change = json.loads(entry["content"])["changes"].get(column)
        if change is not None:
            if change.get("old") != value.get(entry["row_id"]):
                broken.append(f"{entry['table_name']} {entry['row_id']}: {change} after {value.get(entry['row_id'])}")
            value[entry["row_id"]] = change["new"]
    findings.expect_none("the audit log tells each row's changes in order", broken, len(entries))


async def _published(nats: NatsServer, stream: str) -> list[tuple[UUID, UUID, int]]:
    """Return event id, aggregate and version of everything in a stream, in its order."""
    found: list[tuple[UUID, UUID, int]] = []
    async with bus.connect(nats.url, nats.seed("provision"), "provision", wait=5) as client:
        context = bus.jetstream(client)
        held = (await context.stream_info(stream)).state.messages
        config = ConsumerConfig(ack_policy=AckPolicy.NONE, headers_only=True, inactive_threshold=30)
        subscription = await context.pull_subscribe(">", stream=stream, config=config)
        while len(found) < held:
            for message in await subscription.fetch(_FETCH, timeout=5):
                headers = message.headers or {}
                found.append((UUID(headers["ce-id"]), UUID(headers["aggregate"]), int(headers["aggregate-version"])))
        await subscription.unsubscribe()
    return found
