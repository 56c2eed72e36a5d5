"""Fifty organisations, each with a mark in every text of its rows, and the requests of their owners."""

import random
import re
from time import monotonic
from uuid import UUID

import asyncpg
import msgspec

from carbot_core.auth.tokens import LIFETIME_SECONDS
from carbot_core.db import Database
from carbot_testing.issuer import Issuer
from carbot_testing.world import World

LEADS = "/api/crm/v1/leads"
TENANTS = 50
LEADS_EACH = 10

_MARK = re.compile(rb"mark[0-9]{2}\b")
_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

_INSERT_LEADS = """
    INSERT INTO crm.leads
        (organization_id, id, workshop_id, source, name, email, request, vehicle, language, created_at, updated_at)
    SELECT $1, core.uuid7(), $2, 'phone', $3, $3 || '@example.org', $3, $3, 'de', now() - interval '1 week', now()
    FROM generate_series(1, $4)
    RETURNING id
"""


class Request(msgspec.Struct, frozen=True):
    """What is asked, and the only status that an answer may have."""

    method: str
    path: str
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Tenant:
    """An organisation and what it knows of its own rows."""

    def __init__(self, number: int, organization_id: UUID, workshop_id: UUID, issuer: Issuer) -> None:
        self.mark = f"mark{number:02}"
        self.organization_id = organization_id
        self.workshop_id = workshop_id
        self._issuer = issuer
        self._token, self._token_until = "", 0.0
        self.leads: list[UUID] = []
        self.unchanged: list[UUID] = []
        """Leads that nobody has tried to change."""

    @property
    def authorization(self) -> str:
        """A token that does not expire on the way, as of a client that refreshes it."""
        if monotonic() > self._token_until:
            self._token = self._issuer.token(self.organization_id)
            self._token_until = monotonic() + LIFETIME_SECONDS / 2
        return f"Bearer {self._token}"

    def know(self, lead_id: UUID) -> None:
        self.leads.append(lead_id)
        self.unchanged.append(lead_id)

    def read(self, dice: random.Random) -> Request:
        return Request("GET", f"{LEADS}/{dice.choice(self.leads)}", 200)

    def create(self) -> Request:
        mark = self.mark
        lead = {"name": mark, "email": f"{mark}@example.org", "request": mark, "vehicle": mark}
        return Request("POST", LEADS, 201, _json({**lead, "workshop_id": str(self.workshop_id), "source": "phone"}))

    def change(self, dice: random.Random) -> Request:
        """Change a lead that nobody has tried to change; read one if there is none."""
        if not self.unchanged:
            return self.read(dice)
        lead_id = self.unchanged.pop(dice.randrange(len(self.unchanged)))
        return Request(
            "PATCH", f"{LEADS}/{lead_id}", 200, _json({"name": f"{self.mark} again"}), (("if-match", '"1"'),)
        )

    def note(self, dice: random.Random) -> Request:
        return Request(
            "POST", f"{LEADS}/{dice.choice(self.leads)}/interactions", 201, _json({"kind": "note", "text": self.mark})
        )


class Town:
    """All the tenants, and whose an id is."""

    def __init__(self, tenants: list[Tenant]) -> None:
        self.tenants = tenants
        self.owner: dict[bytes, Tenant] = {}
        for tenant in tenants:
            for known in (tenant.organization_id, tenant.workshop_id, *tenant.leads):
                self.owner[str(known).encode()] = tenant

    def draw(self, dice: random.Random) -> tuple[Tenant, Request]:
        """Return somebody and what they ask."""
        tenant = dice.choice(self.tenants)
        kind = dice.randrange(100)
        if kind < 40:
            return tenant, Request("GET", f"{LEADS}?limit=5", 200)
        if kind < 65:
            return tenant, tenant.read(dice)
        if kind < 70:
            stranger = dice.choice([other for other in self.tenants if other is not tenant])
            return tenant, Request("GET", f"{LEADS}/{dice.choice(stranger.leads)}", 404)
        if kind < 82:
            return tenant, tenant.create()
        return tenant, tenant.change(dice) if kind < 92 else tenant.note(dice)

    def foreign(self, tenant: Tenant, body: bytes) -> set[bytes]:
        """Return the marks and ids of others in an answer."""
        marks = {mark for mark in _MARK.findall(body) if mark != tenant.mark.encode()}
        return marks | {each for each in _ID.findall(body) if self.owner.get(each, tenant) is not tenant}

    def learn(self, tenant: Tenant, lead_id: UUID) -> None:
        tenant.know(lead_id)
        self.owner[str(lead_id).encode()] = tenant


async def settle(worker: Database, superuser: asyncpg.Connection, issuer: Issuer) -> Town:
    """Make the organisations and their first leads."""
    world, tenants = World({"crm": worker}), list[Tenant]()
    for number in range(TENANTS):
        made = await world.organization()
        tenants.append(Tenant(number, made.id, made.workshops[0], issuer))
        async with superuser.transaction():
            await superuser.execute("SET LOCAL session_replication_role = replica")
            rows = await superuser.fetch(_INSERT_LEADS, made.id, made.workshops[0], tenants[-1].mark, LEADS_EACH)
        for row in rows:
            tenants[-1].know(row["id"])
    return Town(tenants)


def _json(value: dict[str, str]) -> bytes:
    return msgspec.json.encode(value)
