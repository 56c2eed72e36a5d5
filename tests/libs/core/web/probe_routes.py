"""Routes that do on purpose what routes must not do, mounted beside crm's own."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.errors import Conflict

PROBES = "/api/crm/v1/probes"
CANARY = "Kanarienvogel"

SCHEMA = """
CREATE TABLE crm.probes (
    id uuid CONSTRAINT probes_pkey PRIMARY KEY,
    other uuid CONSTRAINT probes_other REFERENCES crm.probes (id) DEFERRABLE INITIALLY DEFERRED
);
GRANT SELECT, INSERT ON crm.probes TO crm_api;
"""


class Refused(Conflict):
    """The probe refuses."""


class Counted(Conflict):
    """The probe refuses, but counts."""

    commits = True


class Probe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: UUID
    seconds: float = 0
    other: UUID | None = None


class Hooks:
    """What a test does while a request is being worked on."""

    def __init__(self) -> None:
        self.runs = Counter[UUID]()
        self.before_commit: Callable[[int], Awaitable[None]] | None = None


async def insert(tx: Any, probe: Probe) -> None:
    await tx.execute("INSERT INTO crm.probes (id, other) VALUES ($1, $2)", probe.id, probe.other)


def router(hooks: Hooks) -> Router:  # noqa: C901 - a list of routes that share the hooks
    write = [web.requires(scopes.LEADS_WRITE)]

    @post("/insert", guards=write)
    async def insert_probe(data: JSONBody[Probe], tx: web.Tx) -> Probe:
        """Insert, wait, and let the test do something before the commit."""
        hooks.runs[data.id] += 1
        await insert(tx, data)
        await asyncio.sleep(data.seconds)
        if hooks.before_commit is not None:
            await hooks.before_commit(await tx.value(int, "SELECT pg_backend_pid()") or 0)
        return data

    @post("/swap", guards=write)
    async def swap(data: JSONBody[Probe], tx: web.Tx) -> Probe:
        """Change two leads one after the other: two such requests the other way round lock each other out."""
        hooks.runs[data.id] += 1
        for lead_id in (data.id, data.other):
            await tx.execute("UPDATE crm.leads SET priority = priority + 1 WHERE id = $1", lead_id)
            await asyncio.sleep(data.seconds)
        return data

    @post("/wait", guards=write)
    async def wait(data: JSONBody[Probe], tx: web.Tx) -> Probe:
        """Insert, then let the database think."""
        await insert(tx, data)
        await tx.execute("SELECT pg_sleep($1)", data.seconds)
        return data

    @post("/swallow", guards=write)
    async def swallow(data: JSONBody[Probe], tx: web.Tx) -> Probe:
        """Insert twice and hide that the second failed."""
        await insert(tx, data)
        try:
            await insert(tx, data)
        except Conflict:
            return data
        raise AssertionError

    @post("/fault", guards=write)
    async def fault(data: JSONBody[Probe], tx: web.Tx) -> Probe:
        hooks.runs[data.id] += 1
        await insert(tx, data)
        if hooks.runs[data.id] == 1:
            raise RuntimeError(f"{CANARY} 0176 1234567")
        return data

    @post("/refuse", guards=write)
    async def refuse(data: JSONBody[Probe], tx: web.Tx) -> Probe:
        await insert(tx, data)
        raise Refused

    @post("/count", guards=write)
    async def count(data: JSONBody[Probe], tx: web.Tx) -> Probe:
        await insert(tx, data)
        raise Counted

    @post("/anything", guards=write)
    async def take_anything(data: JSONBody[dict[str, Any]]) -> dict[str, Any]:
        """Take whatever JSON there is."""
        return data

    @post("/fresh", guards=[web.requires(scopes.LEADS_WRITE, max_age=web.RECENT)])
    async def need_recent_sign_in() -> dict[str, Any]:
        """Do what needs fresh credentials."""
        return {}

    @post("/settle", guards=[web.requires(scopes.LEADS_WRITE, while_suspended=True)])
    async def settle() -> dict[str, Any]:
        """Do what is done while suspended."""
        return {}

    @get("/leads/{lead_id:str}", guards=write, opt=web.MAY_BE_STALE)
    async def read_stale(lead_id: FromPath[UUID], tx: web.Tx) -> dict[str, Any]:
        """Say whether a replica answered, and what."""
        return {
            "replica": await tx.value(bool, "SELECT pg_is_in_recovery()"),
            "name": await tx.value(str, "SELECT name FROM crm.leads WHERE id = $1", lead_id),
        }

    failing = [swallow, fault, refuse, count]
    guarded = [need_recent_sign_in, settle]
    return Router(PROBES, route_handlers=[insert_probe, swap, wait, *failing, take_anything, read_stale, *guarded])
