"""Rows for any table: values by their columns' types, so that a table is never empty when we look whether it looks so."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from catalogue_data import SCHEMAS
from catalogue_rules import Connection

_VALUES: Final[dict[str, Any]] = {
    "bytea": b"x",
    "bool": True,
    "int2": 1,
    "int4": 1,
    "int8": 1,
    "float4": 1.0,
    "float8": 1.0,
    "numeric": 1,
    "jsonb": "{}",
    "inet": "127.0.0.1",
}
_COLUMNS: Final = """
    SELECT a.attname::text AS name, t.typname::text AS type
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = ''
    ORDER BY a.attnum
"""


class Insert(msgspec.Struct, frozen=True):
    """A statement that stores a row, with its values."""

    sql: str
    values: list[Any]


async def insert_into(connection: Connection, table: str, **known: UUID) -> Insert:
    """Return how to store a row of a table: the columns that are known so, the others filled by type."""
    columns = await connection.fetch(_COLUMNS, table)
    names = [row["name"] for row in columns]
    values = [known[row["name"]] if row["name"] in known else _value(row["type"]) for row in columns]
    places = ", ".join(f"${place}" for place in range(1, len(names) + 1))
    return Insert(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", values)


def _value(type_name: str) -> Any:
    if type_name == "uuid":
        return uuid4()
    if type_name == "text":
        return uuid4().hex
    if type_name == "timestamptz":
        return datetime.now(UTC)
    if type_name == "date":
        return datetime.now(UTC).date()
    return [] if type_name.startswith("_") else _VALUES[type_name]


async def loosen(connection: Connection) -> None:
    """Drop what hinders made-up rows, and let the processes read and write every table: what then stops them is row security."""
    for row in await connection.fetch(
        """
        SELECT con.conrelid::regclass::text AS table, con.conname AS name
        FROM pg_constraint con
        JOIN pg_class c ON c.oid = con.conrelid AND NOT c.relispartition
        JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = ANY ($1::text[])
        WHERE con.contype IN ('c', 'f') AND con.coninhcount = 0
        ORDER BY con.contype DESC
        """,
        SCHEMAS,
    ):
        await connection.execute(f'ALTER TABLE {row["table"]} DROP CONSTRAINT "{row["name"]}"')
    for schema in SCHEMAS[1:]:
        await connection.execute(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {schema}_api, {schema}_worker"
        )


async def store(connection: Connection, row: Insert) -> None:
    """Store a row as the superuser, without triggers."""
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(row.sql, *row.values)
