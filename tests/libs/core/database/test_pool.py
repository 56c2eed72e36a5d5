"""Many organisations through two server connections, with cancelled requests and killed backends: nobody sees a stranger's row."""

import asyncio
from collections import Counter
from random import Random
from uuid import UUID

import asyncpg
import msgspec
import pytest_asyncio

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.errors import Unavailable
from carbot_core.ids import new_id
from carbot_local.database import connected
from carbot_testing.data_plane import DataPlane
from carbot_testing.plugin import FreshDatabase

ORGANIZATIONS = 50
REQUESTS = 2000
AT_ONCE = 12
CANCELLED = 0.2
KILL = """
    SELECT count(pg_terminate_backend(pid))
    FROM (SELECT pid FROM pg_stat_activity WHERE datname = $1 AND usename = 'crm_api' ORDER BY random() LIMIT 1) one
"""


class Seen(msgspec.Struct, frozen=True):
    organization_id: UUID
    name: str


class Crowd:
    """Requests of many organisations, and what became of them."""

    def __init__(self, database: Database, organizations: list[UUID]) -> None:
        self._database = database
        self._organizations = organizations
        self._random = Random(7)
        self._places = asyncio.Semaphore(AT_ONCE)
        self.outcomes: Counter[str] = Counter()
        self.strangers: list[tuple[UUID, Seen]] = []

    async def come(self) -> None:
        """Let everybody ask; some go before they are answered."""
        async with asyncio.TaskGroup() as group:
            for _ in range(REQUESTS):
                await self._places.acquire()
                patience = self._random.uniform(0, 0.01) if self._random.random() < CANCELLED else None
                group.create_task(self._one(self._random.choice(self._organizations), patience))

    async def _one(self, organization: UUID, patience: float | None) -> None:
        request = asyncio.create_task(self._request(organization))
        try:
            if patience is not None:
                await asyncio.wait({request}, timeout=patience)
                request.cancel()
            await request
            self.outcomes["answered"] += 1
        except asyncio.CancelledError:
            self.outcomes["cancelled"] += 1
        except Unavailable:
            self.outcomes["unavailable"] += 1
        finally:
            self._places.release()

    async def _request(self, organization: UUID) -> None:
        async with self._database.transaction(Context(organization_id=organization)) as tx:
            await tx.execute(
                """
                INSERT INTO crm.leads (organization_id, id, workshop_id, source, name, email, request, language, created_at, updated_at)
                SELECT organization_id, $2, id, 'import', $1::text, 'a@example.org', 'HU', 'de', now(), now() FROM crm.workshops
                """,
                str(organization),
                new_id(),
            )
            # No WHERE: row security alone stands between the organisations.
            seen = await tx.all(
                Seen, "SELECT organization_id, name FROM crm.leads ORDER BY created_at DESC, id LIMIT 20"
            )
        self.strangers += [
            (organization, one) for one in seen if not str(one.organization_id) == one.name == str(organization)
        ]


@pytest_asyncio.fixture
async def organizations() -> list[UUID]:
    return [new_id() for _ in range(ORGANIZATIONS)]


async def _fill(superuser: asyncpg.Connection, organizations: list[UUID]) -> None:
    await superuser.executemany(
        "INSERT INTO crm.workshops (organization_id, id, name, slug, time_zone, postal_code, is_active, version)"
        " VALUES ($1, $2, 'Werkstatt', 'werkstatt', 'Europe/Berlin', '10115', true, 1)",
        [(organization, new_id()) for organization in organizations],
    )


async def test_strangers_never_meet(plane: DataPlane, fresh_database: FreshDatabase, organizations: list[UUID]) -> None:
    name = await fresh_database(pool=2)
    async with (
        connected(plane.dsn_superuser(name)) as superuser,
        Database.connect(plane.dsn(name, "crm_api")) as database,
    ):
        await _fill(superuser, organizations)
        crowd = Crowd(database, organizations)
        killed, most = 0, 0
        coming = asyncio.create_task(crowd.come())
        while not coming.done():
            await asyncio.wait({coming}, timeout=0.1)
            killed += await superuser.fetchval(KILL, name)
            backends = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND usename = 'crm_api'"
            most = max(most, await superuser.fetchval(backends, name))
        await coming
        wrong = await superuser.fetchval("SELECT count(*) FROM crm.leads WHERE name <> organization_id::text")
        stored = await superuser.fetchval("SELECT count(*) FROM crm.leads")
    assert crowd.strangers == []
    assert wrong == 0
    assert crowd.outcomes.total() == REQUESTS
    assert crowd.outcomes["answered"] > REQUESTS / 2, crowd.outcomes
    assert crowd.outcomes["cancelled"] > REQUESTS * CANCELLED / 10, crowd.outcomes
    assert stored >= crowd.outcomes["answered"]
    assert killed > 3
    # A killed one may still be dying when the next is there.
    assert most <= 3
