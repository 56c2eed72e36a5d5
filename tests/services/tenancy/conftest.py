"""Tenancy with its api and worker running."""

import base64
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio

from carbot_core.context import Context
from carbot_core.crypto import Vault
from carbot_core.db import Database
from carbot_core.web.edge import Edge
from carbot_local.database import connected
from carbot_testing.data_plane import DataPlane
from carbot_testing.founding import Founder, Person
from carbot_testing.mailbox import Mailbox
from carbot_testing.running import KEY_ENCRYPTION_KEY


@pytest_asyncio.fixture(scope="session")
async def vault() -> Vault:
    return Vault(base64.b64decode(KEY_ENCRYPTION_KEY))


@pytest_asyncio.fixture(scope="session")
async def founder(edges: dict[str, Edge], workers: None, mailbox: Mailbox) -> Founder:
    return Founder(edges["tenancy"], mailbox)


@pytest_asyncio.fixture(scope="session")
async def owner(founder: Founder) -> Person:
    """The owner of an organisation that the tests of a file share."""
    return await founder.found()


@pytest.fixture
def announced(worker_databases: dict[str, Database]) -> Callable[..., Any]:
    """Returns what was announced in an organisation under a subject, with the versions, in order."""

    async def read(organization_id: UUID, subject: str) -> list[tuple[int, dict[str, Any]]]:
        async with worker_databases["tenancy"].transaction(Context(organization_id=organization_id)) as tx:
            rows = await tx.all(
                Row,
                """
                SELECT aggregate_version AS version, body
                FROM outbox
                WHERE organization_id = $1 AND subject = $2
                ORDER BY pos
                """,
                organization_id,
                subject,
            )
        return [(row.version, msgspec.json.decode(row.body)) for row in rows]

    return read


class Row(msgspec.Struct, frozen=True):
    version: int
    body: bytes


@pytest_asyncio.fixture
async def superuser(plane: DataPlane, database_name: str) -> AsyncIterator[Any]:
    """A connection that may do what no service may: let time pass, or an organisation be suspended."""
    async with connected(plane.dsn_superuser(database_name)) as connection:
        # As tenancy's own roles have it: triggers find the audit's table by it.
        await connection.execute("SET search_path = tenancy, core, public")
        yield connection
