"""Upkeep of partitions: made ahead, protected, dropped when they are old, an alarm when something fell into the default one."""

import asyncio
from datetime import datetime, timedelta

import asyncpg
import structlog

type Connection = asyncpg.Connection[asyncpg.Record]

log = structlog.get_logger()

OUTBOX_KEPT = timedelta(days=8)
LOCK_MILLISECONDS = 200
"""Whoever writes waits behind us for so long: less than the lock_timeout of an api. Busy ones are dropped the next hour."""
LOCK_TRIES = 10
_OUTBOXES = ("outbox", "audit_outbox")


async def maintain(url: str, schema: str, now: datetime) -> list[str]:
    """Run the upkeep of a schema as its owner over a direct connection; return what deserves an alarm, one line each."""
    connection = await asyncpg.connect(url, statement_cache_size=0)
    try:
        await connection.execute(f"SET ROLE {schema}_owner")
        parents = [
            str(row["parent_table"])
            for row in await connection.fetch(
                "SELECT parent_table FROM partman.part_config WHERE parent_table LIKE $1", f"{schema}.%"
            )
        ]
        alarms = [alarm for parent in parents for alarm in await _make_ahead(connection, parent)]
        await connection.execute("SELECT core.protect_partitions($1)", schema)
        for outbox in _OUTBOXES:
            alarms += await _drop_old(connection, schema, outbox, now - OUTBOX_KEPT)
        return alarms + [alarm for parent in parents for alarm in await _filled_default(connection, parent)]
    finally:
        await connection.close()


async def _make_ahead(connection: Connection, parent: str) -> list[str]:
    """Make a table's next partitions; what hinders one table must not hold up the others."""
    for last in (False, False, True):
        try:
            await connection.execute("SELECT partman.run_maintenance($1)", parent)
        except asyncpg.PostgresError as fault:
            # It waits for the default partition, which a relay may be reading; partman hides what kind of error it was.
            log.warning("partitions_not_made", parent=parent, fault=fault)
            if last:
                return [f"{parent} got no new partitions: {str(fault).partition('\n')[0]}"]
        else:
            break
    return []


async def _partitions(connection: Connection, parent: str) -> list[asyncpg.Record]:
    """Return a table's partitions and the end of each, NULL for the default one."""
    return await connection.fetch(
        """
        SELECT format('%I.%I', namespace.nspname, child.relname) AS name,
            substring(pg_get_expr(child.relpartbound, child.oid) FROM $$TO \\('([^']+)'\\)$$)::timestamptz AS ends_at
        FROM pg_inherits
        JOIN pg_class child ON child.oid = pg_inherits.inhrelid
        JOIN pg_namespace namespace ON namespace.oid = child.relnamespace
        WHERE pg_inherits.inhparent = $1::regclass
        ORDER BY ends_at
        """,
        parent,
    )


async def _drop_old(connection: Connection, schema: str, outbox: str, before: datetime) -> list[str]:
    """Drop partitions that ended before then, but never one with a row that nobody has published."""
    parent, alarms = f"{schema}.{outbox}", list[str]()
    for partition in await _partitions(connection, parent):
        if partition["ends_at"] is not None and partition["ends_at"] <= before:
            alarms += await _drop(connection, parent, partition["name"])
    return alarms


async def _drop(connection: Connection, parent: str, partition: str) -> list[str]:
    """Drop a partition if all of it is published, which only a lock makes certain: it might be published again this moment."""
    for _ in range(LOCK_TRIES):
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_MILLISECONDS}ms'")
                await connection.execute(f"LOCK TABLE ONLY {parent} IN ACCESS EXCLUSIVE MODE")
                if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {partition} WHERE published_at IS NULL)"):
                    return [f"{partition} is old and holds rows that nobody has published"]
                await connection.execute(f"DROP TABLE {partition}")
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            await asyncio.sleep(LOCK_MILLISECONDS / 1000)
        else:
            log.info("partition_dropped", partition=partition)
            return []
    log.info("partition_busy", partition=partition)
    return []


async def _filled_default(connection: Connection, parent: str) -> list[str]:
    for partition in await _partitions(connection, parent):
        if partition["ends_at"] is None and await connection.fetchval(
            f"SELECT EXISTS (SELECT FROM {partition['name']})"
        ):
            return [f"{partition['name']} holds rows: partitions were not made ahead"]
    return []
