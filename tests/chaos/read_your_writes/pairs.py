"""Pairs of a write and a read of the same lead, the read where staleness is borne."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import msgspec
from litestar import Router, get
from litestar.params import FromPath

from carbot_contracts import scopes
from carbot_core import processes, web
from carbot_local.database import connected
from carbot_testing.data_plane import DataPlane
from carbot_testing.issuer import Issuer
from carbot_testing.running import Place, client, service, until_ready
from carbot_testing.world import Organization

LEADS = "/api/crm/v1/leads"
REPORTS = "/api/crm/v1/reports"
TOKEN = "carbot-consistency"

_AT_ONCE = 8
_REFUSED = 503


@get("/{lead_id:str}", guards=[web.requires(scopes.LEADS_READ)], opt=web.MAY_BE_STALE)
async def read_report(lead_id: FromPath[UUID], tx: web.Tx) -> dict[str, Any]:
    """Say whether a replica answered, and what it knows of the lead."""
    return {
        "replica": await tx.value(bool, "SELECT pg_is_in_recovery()"),
        "priority": await tx.value(
            int, "SELECT priority FROM crm.leads WHERE organization_id = $1 AND id = $2", tx.organization_id, lead_id
        ),
    }


@asynccontextmanager
async def owner_of(place: Place, organization: Organization, issuer: Issuer) -> AsyncGenerator[httpx.AsyncClient]:
    """Run crm with a route that bears staleness; yield a client of the organisation's owner."""
    crm = service("crm")
    crm = msgspec.structs.replace(crm, routers=(*crm.routers, Router(REPORTS, route_handlers=[read_report])))
    async with processes.api(crm, place.settings("crm", "api")) as (edge, health):
        await until_ready(health.unready)
        async with client(edge, "crm", authorization=f"Bearer {issuer.token(organization.id)}") as owner:
            yield owner


@asynccontextmanager
async def replica_behind(plane: DataPlane, seconds: int) -> AsyncGenerator[None]:
    """Let the replica replay each commit so many seconds late, and let it catch up afterwards."""
    async with connected(plane.dsn_superuser(replica=True)) as replica:
        await replica.execute(f"ALTER SYSTEM SET recovery_min_apply_delay = '{seconds}s'")
        await replica.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            await replica.execute("ALTER SYSTEM RESET recovery_min_apply_delay")
            await replica.execute("SELECT pg_reload_conf()")
    await plane.wait_for_replica(30)


class Pairs:
    """Leads that are changed again and again, each change read back by whoever made it."""

    def __init__(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        self.counts = Counter[str]()
        self.stale: list[str] = []
        self._owner = owner
        self._organization = organization

    async def run(self, pairs: int, *, pause: float = 0) -> None:
        """Write and read so many times, with a pause between the two."""
        turns = iter(range(pairs))

        async def one_after_the_other() -> None:
            lead_id, token = await self.create()
            for turn, _ in enumerate(turns, 1):
                token = await self.change(lead_id, turn)
                await asyncio.sleep(pause)
                await self.compare(lead_id, turn % 101, token)

        async with asyncio.TaskGroup() as writers:
            for _ in range(_AT_ONCE):
                writers.create_task(one_after_the_other())

    async def create(self) -> tuple[str, str]:
        """Make a lead; return its id and the position of the write."""
        lead = {"workshop_id": str(self._organization.workshops[0]), "source": "phone", "name": "A", "request": "HU"}
        answer = await self._until_answered("POST", LEADS, json={**lead, "email": "a@example.org"})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"], answer.headers[TOKEN]

    async def change(self, lead_id: str, turn: int) -> str:
        """Give the lead its priority for this turn; return the position of the write."""
        answer = await self._until_answered(
            "PATCH", f"{LEADS}/{lead_id}", json={"priority": turn % 101}, headers={"if-match": f'"{turn}"'}
        )
        assert answer.status_code == 200, answer.text
        return answer.headers[TOKEN]

    async def read(self, lead_id: str, token: str | None) -> tuple[bool, int | None]:
        """Return whether a replica answered, and the priority."""
        headers = {} if token is None else {TOKEN: token}
        answer = await self._until_answered("GET", f"{REPORTS}/{lead_id}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["replica"], answer.json()["priority"]

    async def compare(self, lead_id: str, expected: int, token: str | None) -> None:
        """Read a lead with a token, and note where the answer came from and whether it is old."""
        replica, priority = await self.read(lead_id, token)
        self.counts["replica" if replica else "primary"] += 1
        if priority != expected:
            self.stale.append(f"{priority} instead of {expected}, from {'the replica' if replica else 'the primary'}")

    async def _until_answered(self, method: str, path: str, **rest: Any) -> httpx.Response:
        """Ask again while that is refused for the moment: only an answer can be stale."""
        while True:
            answer = await self._owner.request(method, path, **rest)
            if answer.status_code != _REFUSED:
                return answer
            self.counts["refused"] += 1
            await asyncio.sleep(0.05)
