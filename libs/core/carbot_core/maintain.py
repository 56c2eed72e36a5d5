"""Upkeep of partitions: made ahead, protected, dropped when they are old, an alarm when something fell into the default one."""

from datetime import datetime, timedelta

import asyncpg
import structlog

type Connection = asyncpg.Connection[asyncpg.Record]

log = structlog.get_logger()

OUTBOX_KEPT = timedelta(days=8)
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
        for parent in parents:
            await connection.execute("SELECT partman.run_maintenance($1)", parent)
        await connection.execute("SELECT core.protect_partitions($1)", schema)
        for outbox in _OUTBOXES:
            await _drop_old(connection, schema, outbox, now - OUTBOX_KEPT)
        return [alarm for parent in parents for alarm in await _alarms(connection, parent)]
    finally:
        await connection.close()


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


async def _drop_old(connection: Connection, schema: str, outbox: str, before: datetime) -> None:
    """Drop partitions that ended before then, but never one with a row that nobody has published."""
    for partition in await _partitions(connection, f"{schema}.{outbox}"):
        if partition["ends_at"] is None or partition["ends_at"] > before:
            continue
        if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {partition['name']} WHERE published_at IS NULL)"):
            log.error("outbox_partition_unpublished", partition=partition["name"])
            continue
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '2s'")
            await connection.execute(f"DROP TABLE {partition['name']}")
        log.info("partition_dropped", partition=partition["name"])


async def _alarms(connection: Connection, parent: str) -> list[str]:
    for partition in await _partitions(connection, parent):
        if partition["ends_at"] is None and await connection.fetchval(
            f"SELECT EXISTS (SELECT FROM {partition['name']})"
        ):
            return [f"{partition['name']} holds rows: partitions were not made ahead"]
    return []
