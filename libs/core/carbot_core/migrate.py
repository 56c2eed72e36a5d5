"""Migrations: numbered SQL files, forward only, one transaction each, checksummed, one runner at a time.

A first line `-- carbot: no transaction` sends a file's statements one by one outside a transaction, split at lines `-- next`.
Files named *.after.sql remove or tighten: they are applied only with `after=True`, once no old process runs.
"""

import asyncio
import hashlib
import random
from pathlib import Path
from time import perf_counter

import asyncpg
import msgspec
import structlog

type Connection = asyncpg.Connection[asyncpg.Record]

log = structlog.get_logger()

LOCK_TRIES = 600
LOCK_PAUSE_SECONDS = 0.1
STATEMENT_TRIES = 10
_BUSY = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)
_ALONE = "-- carbot: no transaction"


class MigrationError(Exception):
    """The migrations cannot be applied; the text says which, and why."""


class Migration(msgspec.Struct, frozen=True):
    """One file."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def is_after(self) -> bool:
        return self.name.endswith(".after.sql")


def migrations_of(package: Path, *, folder: str = "migrations") -> list[Migration]:
    """Return the migrations of a package in their order: from inside the installed wheel, or from the folder beside the source."""
    for place in (package / "migrations", package.parent / folder):
        if place.is_dir():
            return [Migration(file.name, file.read_text("utf-8")) for file in sorted(place.glob("[0-9]*.sql"))]
    raise MigrationError(f"no migrations beside {package.name}")


def needed(migrations: list[Migration]) -> str:
    """Return the name of the last migration that the code needs: the last that is not to be applied afterwards."""
    return max(migration.name for migration in migrations if not migration.is_after)


async def migrate(
    url: str, schema: str, core: list[Migration], own: list[Migration], *, after: bool = False
) -> list[str]:
    """Bring the `core` schema and the service's to the newest version; return the names of what was applied.

    The URL is a direct one of <schema>_migrate, which may become the owners; no pooler, since a session lock is held.
    """
    connection = await asyncpg.connect(url, statement_cache_size=0)
    try:
        await _lock(connection)
        applied = await _apply_all(connection, "core", core, after=after)
        return applied + await _apply_all(connection, schema, own, after=after)
    finally:
        await connection.close()


async def _lock(connection: Connection) -> None:
    # Poll: whoever waits in the blocking form holds a snapshot, for which CREATE INDEX CONCURRENTLY waits in turn.
    for _ in range(LOCK_TRIES):
        if await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended('carbot.migrate', 0))"):
            return
        await asyncio.sleep(LOCK_PAUSE_SECONDS)
    raise MigrationError("another migration holds the lock for more than a minute")


async def _apply_all(connection: Connection, schema: str, migrations: list[Migration], *, after: bool) -> list[str]:
    await connection.execute(f"SET ROLE {schema}_owner")
    await connection.execute(
        f"""
        CREATE TABLE IF NOT EXISTS {schema}.schema_migrations (
            name text PRIMARY KEY,
            checksum text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now(),
            milliseconds integer NOT NULL
        )
        """
    )
    rows = await connection.fetch(f"SELECT name, checksum FROM {schema}.schema_migrations")
    known: dict[str, str] = {row["name"]: row["checksum"] for row in rows}
    applied: list[str] = []
    for migration in migrations:
        checksum = known.get(migration.name)
        if checksum is not None and checksum != migration.checksum:
            raise MigrationError(f"{schema}/{migration.name} was changed after it was applied: write a new one instead")
        if checksum is None and (after or not migration.is_after):
            await _apply(connection, schema, migration)
            applied.append(f"{schema}/{migration.name}")
    await _grant_reading(connection, schema)
    await connection.execute("RESET ROLE")
    return applied


async def _apply(connection: Connection, schema: str, migration: Migration) -> None:
    for attempt in range(1, STATEMENT_TRIES + 1):
        started = perf_counter()
        try:
            if migration.sql.startswith(_ALONE):
                for statement in migration.sql.split("\n-- next\n"):
                    await connection.execute(statement)
                await _record(connection, schema, migration, started)
            else:
                async with connection.transaction():
                    await connection.execute(migration.sql)
                    await _record(connection, schema, migration, started)
        except _BUSY:
            if attempt == STATEMENT_TRIES:
                raise MigrationError(f"{schema}/{migration.name} did not get its locks in {attempt} tries") from None
            await asyncio.sleep(random.uniform(0.1, 0.5) * attempt)  # noqa: S311 - jitter
        else:
            log.info("migrated", schema=schema, name=migration.name)
            return


async def _record(connection: Connection, schema: str, migration: Migration, started: float) -> None:
    await connection.execute(
        f"INSERT INTO {schema}.schema_migrations (name, checksum, milliseconds) VALUES ($1, $2, $3)",
        migration.name,
        migration.checksum,
        round((perf_counter() - started) * 1000),
    )


async def _grant_reading(connection: Connection, schema: str) -> None:
    """Let the processes see at which version the schema is: readiness depends on it."""
    if schema != "core":
        await connection.execute(f"GRANT SELECT ON {schema}.schema_migrations TO {schema}_api, {schema}_worker")
