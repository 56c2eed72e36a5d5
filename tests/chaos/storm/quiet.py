"""After the storm: waiting until nothing is on its way any more, and looking whether anything was left lying about."""

import asyncio
import re
from time import monotonic
from typing import LiteralString

import asyncpg
import httpx
from nats.js.client import JetStreamContext

from carbot_core import bus
from carbot_local import pgbouncer
from carbot_testing.data_plane import NatsServer
from carbot_testing.running import service
from tests.chaos.storm.oracle import Findings
from tests.chaos.storm.stack import DATABASE, SERVICES, Stack

_WAITING: LiteralString = """
    SELECT
        (SELECT count(*) FROM tenancy.outbox WHERE published_at IS NULL)
        + (SELECT count(*) FROM tenancy.audit_outbox WHERE published_at IS NULL)
        + (SELECT count(*) FROM crm.outbox WHERE published_at IS NULL)
        + (SELECT count(*) FROM crm.audit_outbox WHERE published_at IS NULL)
        + (SELECT count(*) FROM compliance.outbox WHERE published_at IS NULL)
        + (SELECT count(*) FROM compliance.audit_outbox WHERE published_at IS NULL)
"""
_OPEN: LiteralString = """
    SELECT usename, state, application_name, now() - state_change AS since, left(query, 80) AS query
    FROM pg_stat_activity
    WHERE datname = $1 AND backend_type = 'client backend' AND pid <> pg_backend_pid()
        AND xact_start < now() - interval '2 seconds'
"""
_SESSIONS: LiteralString = """
    SELECT usename, count(*)
    FROM pg_stat_activity
    WHERE datname = $1 AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    GROUP BY usename
"""
_POOL = int(pgbouncer.SETTINGS["default_pool_size"]) + int(pgbouncer.SETTINGS["reserve_pool_size"])
_PATIENCE_SECONDS = 20.0
_HELD = re.compile(r"(carbot_db_pool_(in_use|waiting)|http_server_active_requests)\{.*\} (?!0\.0$)")


async def until_quiet(findings: Findings, connection: asyncpg.Connection, nats: NatsServer, within: float) -> float:
    """Wait until everything is published and everything published is handled; return how many seconds it took."""
    started = monotonic()
    async with bus.connect(nats.url, nats.seed("provision"), "provision", wait=30) as client:
        stream = bus.jetstream(client)
        while left := await _left(connection, stream):
            if monotonic() - started > within:
                break
            await asyncio.sleep(0.25)
    findings.expect_none("everything comes to rest", left)
    return monotonic() - started


async def _left(connection: asyncpg.Connection, stream: JetStreamContext) -> list[str]:
    """Return what is not published, and what the consumers have not handled for good."""
    unpublished = await connection.fetchval(_WAITING)
    found = [f"{unpublished} events to publish"] if unpublished else []
    for name in SERVICES:
        for consumer in service(name).consumers:
            info = await stream.consumer_info(consumer.stream, consumer.durable)
            if info.num_pending or info.num_ack_pending:
                found.append(f"{consumer.durable}: {info.num_pending} to come, {info.num_ack_pending} not acknowledged")
    return found


async def compare_rest(findings: Findings, connection: asyncpg.Connection, stack: Stack) -> None:
    """Nothing is left open: no transaction, no client that waits, no connection in use, and everything says that it is well."""
    end = monotonic() + _PATIENCE_SECONDS
    # What a black hole swallowed ends within the servers' own time-outs.
    while (left := await connection.fetch(_OPEN, DATABASE)) and monotonic() < end:
        await asyncio.sleep(0.5)
    findings.expect_none("no transaction is left open", left)
    crowds = [tuple(row) for row in await connection.fetch(_SESSIONS, DATABASE)]
    findings.expect_none("no pool outgrows its size", (row for row in crowds if row[1] > _POOL), len(crowds))
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        for program in (*stack.apis, *stack.workers):
            open_still = await _unsettled(client, f"http://127.0.0.1:{program.port}")
            findings.expect_same("every process is well and holds nothing", [], open_still, program.name)


async def _unsettled(client: httpx.AsyncClient, url: str) -> list[str]:
    """Return what a process still has to say for itself, once it has had time to settle."""
    end = monotonic() + _PATIENCE_SECONDS
    while True:
        found = [line for line in (await client.get(f"{url}/metrics")).text.splitlines() if _HELD.match(line)]
        for question in ("ready", "dependencies"):
            answer = await client.get(f"{url}/health/{question}")
            found += [] if answer.is_success else [answer.text]
        if not found or monotonic() > end:
            return found
        await asyncio.sleep(0.05)
