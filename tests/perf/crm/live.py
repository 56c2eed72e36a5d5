"""What goes on beside requests: readers of inboxes, visitors whom the bot answers, a hundred thousand leads scored again."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from time import perf_counter

import asyncpg
import httpx

from carbot_core.db import Database
from carbot_testing.issuer import Issuer
from carbot_testing.running import Place
from carbot_testing.world import ORIGIN, World
from tests.perf import tenants
from tests.perf.crm import town
from tests.perf.load import Latencies, arrivals, follow
from tests.perf.report import Row
from tests.perf.stack import Servers, gateway_to, running

STREAMS = 500
_READERS_EACH = 4
_MESSAGES_PER_SECOND = 20
_SECONDS = 15
_CREATED = 201
_VISITORS = 50
_WORKSHOPS = 10
_WRITTEN_PER_SECOND = 50
_CHAT = "/api/crm/v1/public/chat"
_CONSENT = {"data_processing": True, "communication": False, "analytics": False, "text_version": "1"}
_QUESTION = "Was kostet ein Ölwechsel?"
_INBOX = "/api/crm/v1/inbox"
_SCORING = "/api/crm/v1/lead-scoring/runs"


async def measure_streams(place: Place, connection: asyncpg.Connection, issuer: Issuer) -> Row:
    """Let staff write in conversations that others follow; return how long each message took to each reader."""
    found = await connection.fetch(
        """
        SELECT DISTINCT ON (organization_id) organization_id AS id, id AS session_id
        FROM crm.chat_sessions
        WHERE status = 'handed_over'
        ORDER BY organization_id, id
        LIMIT $1
        """,
        STREAMS // _READERS_EACH,
    )
    tokens = {row["id"]: issuer.token(row["id"]) for row in found}
    latencies, sent = Latencies(), dict[str, float]()
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(running(place, "crm", "api"))
        await stack.enter_async_context(running(place, "crm", "worker"))
        client = await stack.enter_async_context(_client(api.port))
        tasks: list[asyncio.Task[None]] = []
        stack.push_async_callback(_end, tasks)
        opened = asyncio.Semaphore(0)
        for token in tokens.values():
            for _ in range(_READERS_EACH):
                answer = await client.post(f"{_INBOX}/stream-tickets", headers={"authorization": f"Bearer {token}"})
                ticket = answer.raise_for_status().json()["ticket"]
                tasks.append(asyncio.create_task(_read(api.port, ticket, sent, latencies, opened)))
        for _ in tasks:
            await opened.acquire()
        turns, errors = count(), 0

        async def write(_intended: float) -> None:
            nonlocal errors
            turn = next(turns)
            row = found[turn % len(found)]
            text = f"mark {turn}"
            sent[text] = perf_counter()
            answer = await client.post(
                f"{_INBOX}/{row['session_id']}/messages",
                json={"text": text},
                headers={"authorization": f"Bearer {tokens[row['id']]}"},
            )
            errors += answer.status_code != _CREATED

        await follow(arrivals(_MESSAGES_PER_SECOND, _SECONDS), write)
        await asyncio.sleep(2)
    expected = len(sent) * _READERS_EACH
    return Row(
        f"{len(tasks)} streams on one process",
        "a message to a reader",
        per_second=expected / _SECONDS,
        latencies=latencies,
        limit="p99 ≤ 200 ms",
        errors=errors + expected - latencies.count,
    )


async def measure_visitors(started: Servers, place: Place) -> Row:
    """Let visitors write through the gateway while the bot answers; return how long it took until each message was taken."""
    crm = Database.connect(place.plane.dsn(place.database, "crm_worker"))
    latencies, refused, turns = Latencies(), 0, count()
    async with AsyncExitStack() as stack:
        world = World({"crm": await stack.enter_async_context(crm)})
        keys = [(await world.organization()).keys[0] for _ in range(_WORKSHOPS)]
        api = await stack.enter_async_context(running(place, "crm", "api"))
        await stack.enter_async_context(running(place, "crm", "worker"))
        gateway = await stack.enter_async_context(gateway_to(started, place, {"crm": api.port}))
        client = await stack.enter_async_context(_client(gateway))
        visitors: list[dict[str, str]] = []
        for turn in range(_VISITORS):
            headers = {"x-carbot-key": str(keys[turn % _WORKSHOPS]), "origin": ORIGIN}
            opened = await client.post(f"{_CHAT}/sessions", json={"consent": _CONSENT}, headers=headers)
            visitors.append({**headers, "x-carbot-session": opened.raise_for_status().json()["token"]})

        async def write(intended: float) -> None:
            nonlocal refused
            answer = await client.post(
                f"{_CHAT}/messages", json={"text": _QUESTION}, headers=visitors[next(turns) % _VISITORS]
            )
            latencies.record(perf_counter() - intended)
            refused += answer.status_code != _CREATED

        await follow(arrivals(_WRITTEN_PER_SECOND, _SECONDS), write)
    return Row(
        f"{_VISITORS} visitors write",
        "the gateway, a worker answers",
        per_second=latencies.count / _SECONDS,
        latencies=latencies,
        errors=refused,
    )


async def measure_rescoring(place: Place, connection: asyncpg.Connection, issuer: Issuer, *, seed: int) -> Row:
    """Score the leads of one organisation again; return how many a second."""
    await town.load(connection, town.CROWDED, seed=seed)
    await town.come_to_rest(connection)
    token = issuer.token(tenants.organization(town.CROWDED.first))
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(running(place, "crm", "api"))
        await stack.enter_async_context(running(place, "crm", "worker"))
        client = await stack.enter_async_context(_client(api.port))
        client.headers["authorization"] = f"Bearer {token}"
        began = perf_counter()
        run = (await client.post(_SCORING)).raise_for_status().json()
        while run["state"] == "running":
            await asyncio.sleep(0.2)
            run = (await client.get(f"{_SCORING}/{run['id']}")).raise_for_status().json()
        seconds = perf_counter() - began
    return Row(
        f"{run['total']:,} leads scored again",
        f"a worker, {seconds:.0f} s",
        per_second=run["done"] / seconds,
        limit="≤ 60 s",
        errors=run["total"] - run["done"],
    )


@asynccontextmanager
async def _client(port: int) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False) as client:
        yield client


async def _read(
    port: int, ticket: str, sent: dict[str, float], latencies: Latencies, opened: asyncio.Semaphore
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {_INBOX}/stream?ticket={ticket} HTTP/1.1\r\nhost: crm\r\n\r\n".encode())
    try:
        await reader.readuntil(b"\r\n\r\n")
        opened.release()
        async for line in reader:
            if line.startswith(b"data:") and (start := line.find(b'"mark ')) >= 0:
                text = line[start + 1 : line.index(b'"', start + 1)].decode()
                latencies.record(perf_counter() - sent[text])
    finally:
        writer.transport.abort()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
