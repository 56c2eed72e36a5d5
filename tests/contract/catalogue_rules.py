"""Rules over PostgreSQL's catalogue: each returns what contradicts it, one line per finding.

A rule sees the whole migrated database through a superuser's connection; what it may pass over stands in catalogue_data.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg
from catalogue_data import (
    FLOATS,
    FOREIGN_KEYS_TO_GLOBAL,
    FURTHER_POLICIES,
    INDEXES_OVER_ALL,
    SCHEMAS,
    UNIQUE_OVER_ALL,
    UNRESTRICTED_BELOW_WORKSHOP,
    is_audited,
    is_tenant,
)

type Connection = asyncpg.Connection[asyncpg.Record]
type Rule = Callable[[Connection], Awaitable[list[str]]]

TABLES: Final = """
    SELECT format('%s.%s', n.nspname, c.relname) AS name, c.oid, c.relrowsecurity, c.relforcerowsecurity,
        format('%s.%s', COALESCE(pn.nspname, n.nspname), COALESCE(p.relname, c.relname)) AS whole,
        c.relispartition AS is_partition
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = ANY ($1::text[])
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    LEFT JOIN pg_class p ON p.oid = i.inhparent
    LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
    WHERE c.relkind IN ('r', 'p')
    ORDER BY 1
"""
"""Every table; `whole` is the table that a partition belongs to, else its own name."""


async def tenant_tables(connection: Connection) -> list[asyncpg.Record]:
    """Return the tenant tables and their partitions."""
    return [table for table in await connection.fetch(TABLES, SCHEMAS) if is_tenant(table["whole"])]


async def rows_are_secured(connection: Connection) -> list[str]:
    """Row security is enabled and forced on every tenant table and every partition."""
    return [
        f"{table['name']}: {'not forced' if table['relrowsecurity'] else 'no row security'}"
        for table in await tenant_tables(connection)
        if not (table["relrowsecurity"] and table["relforcerowsecurity"])
    ]


async def _policies(connection: Connection) -> list[asyncpg.Record]:
    return await connection.fetch(
        """
        SELECT format('%s.%s', schemaname, tablename) AS table, policyname AS name, permissive, roles, cmd,
            regexp_replace(qual, '\\s+', ' ', 'g') AS condition, with_check
        FROM pg_policies
        WHERE schemaname = ANY ($1::text[])
        ORDER BY 1, 2
        """,
        SCHEMAS,
    )


_ORGANIZATION: Final = "(organization_id = ( SELECT core.current_organization() AS current_organization))"
_WORKSHOP: Final = (
    "(({0} IS NULL) OR ( SELECT core.sees_all_workshops() AS sees_all_workshops)"
    " OR ({0} = ANY (( SELECT core.current_workshops() AS current_workshops)::uuid[])))"
)


def _binds(policy: asyncpg.Record, kind: str, condition: str) -> bool:
    return (
        policy["permissive"] == kind
        and policy["cmd"] == "ALL"
        and policy["roles"] == ["public"]
        and policy["condition"] == condition
        and policy["with_check"] is None
    )


async def organization_is_compared(connection: Connection) -> list[str]:
    """Every tenant table and partition has the organisation's policy, for all commands and everybody."""
    bound = {p["table"] for p in await _policies(connection) if _binds(p, "PERMISSIVE", _ORGANIZATION)}
    return [t["name"] for t in await tenant_tables(connection) if t["name"] not in bound]


async def nothing_widens_a_policy(connection: Connection) -> list[str]:
    """No permissive policy stands beside the organisation's but the listed ones; each is read-only."""
    return [
        f"{policy['table']}.{policy['name']}"
        for policy in await _policies(connection)
        if policy["permissive"] == "PERMISSIVE"
        and policy["name"] != "organization"
        and (f"{policy['table']}.{policy['name']}" not in FURTHER_POLICIES or policy["cmd"] != "SELECT")
    ]


async def workshop_is_compared(connection: Connection) -> list[str]:
    """Every tenant table with a workshop, and the workshops themselves, have the restrictive workshop policy."""
    below = await connection.fetch(
        "SELECT attrelid FROM pg_attribute WHERE attname = 'workshop_id' AND NOT attisdropped"
    )
    with_workshop = {row["attrelid"] for row in below}
    bound = {
        p["table"]
        for p in await _policies(connection)
        if any(_binds(p, "RESTRICTIVE", _WORKSHOP.format(column)) for column in ("workshop_id", "id"))
    }
    return [
        table["name"]
        for table in await tenant_tables(connection)
        if (table["oid"] in with_workshop or table["name"].endswith(".workshops"))
        and table["name"] not in bound
        and table["whole"] not in UNRESTRICTED_BELOW_WORKSHOP
    ]


async def policies_ask_once(connection: Connection) -> list[str]:
    """A policy calls functions inside SELECT alone, so that they run once per statement and not once per row."""
    findings: list[str] = []
    for policy in await _policies(connection):
        for condition in (policy["condition"] or "", policy["with_check"] or ""):
            outside = re.sub(r"\( SELECT core\.\w+\(\) AS \w+\)", "", condition)
            if re.search(r"\b(?!ANY\b|ALL\b|OR\b|AND\b|NOT\b)[\w.]+ ?\(", outside):
                findings.append(f"{policy['table']}.{policy['name']}")
    return findings


async def organization_is_there(connection: Connection) -> list[str]:
    """Every tenant table has `organization_id uuid NOT NULL`."""
    rows = await connection.fetch(
        "SELECT attrelid FROM pg_attribute"
        " WHERE attname = 'organization_id' AND atttypid = 'uuid'::regtype AND attnotnull AND NOT attisdropped"
    )
    has = {row["attrelid"] for row in rows}
    return [table["name"] for table in await tenant_tables(connection) if table["oid"] not in has]


_CONSTRAINTS: Final = """
    SELECT con.conname AS name, con.contype::text AS kind, con.conrelid, con.confrelid, con.conindid,
        format('%s.%s', n.nspname, c.relname) AS table, con.convalidated,
        ARRAY(SELECT a.attname::text FROM unnest(con.conkey) WITH ORDINALITY AS k (attnum, place)
            JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.attnum ORDER BY place) AS columns,
        ARRAY(SELECT a.attname::text FROM unnest(con.confkey) WITH ORDINALITY AS k (attnum, place)
            JOIN pg_attribute a ON a.attrelid = con.confrelid AND a.attnum = k.attnum ORDER BY place) AS targets
    FROM pg_constraint con
    JOIN pg_class c ON c.oid = con.conrelid AND NOT c.relispartition
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = ANY ($1::text[])
    WHERE con.contype IN ('p', 'u', 'x', 'f')
    ORDER BY 6, 1
"""


async def keys_begin_with_the_organization(connection: Connection) -> list[str]:
    """Primary, unique and exclusion keys of tenant tables begin with organization_id; each has a primary key."""
    constraints = await connection.fetch(_CONSTRAINTS, SCHEMAS)
    keyed = {c["conrelid"] for c in constraints if c["kind"] == "p"}
    findings = [
        f"{c['table']}.{c['name']}"
        for c in constraints
        if c["kind"] in {"p", "u", "x"}
        and is_tenant(c["table"])
        and c["columns"][:1] != ["organization_id"]
        and f"{c['table']}.{c['name']}" not in UNIQUE_OVER_ALL
    ]
    tables = await tenant_tables(connection)
    return findings + [
        f"{t['name']}: no primary key" for t in tables if not t["is_partition"] and t["oid"] not in keyed
    ]


async def foreign_keys_stay_inside(connection: Connection) -> list[str]:
    """A foreign key of a tenant table begins with organization_id on both sides, and is validated."""
    return [
        f"{c['table']}.{c['name']}"
        for c in await connection.fetch(_CONSTRAINTS, SCHEMAS)
        if c["kind"] == "f"
        and is_tenant(c["table"])
        and not (c["convalidated"] and c["columns"][0] == c["targets"][0] == "organization_id")
        and f"{c['table']}.{c['name']}" not in FOREIGN_KEYS_TO_GLOBAL
    ]


_INDEXES: Final = """
    SELECT i.indexrelid, x.relname AS name, i.indrelid, format('%s.%s', n.nspname, c.relname) AS table,
        i.indisvalid AND i.indpred IS NULL AS serves,
        EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid AND contype IN ('p', 'u', 'x')) AS is_key,
        ARRAY(SELECT COALESCE(a.attname::text, '(expression)')
            FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
            LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
            WHERE place <= i.indnkeyatts ORDER BY place) AS columns
    FROM pg_index i
    JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_class c ON c.oid = i.indrelid AND NOT c.relispartition
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = ANY ($1::text[])
    ORDER BY 4, 2
"""


async def indexes_begin_with_the_organization(connection: Connection) -> list[str]:
    """Every index of a tenant table begins with organization_id, but the listed ones."""
    return [
        f"{index['table']}.{index['name']}"
        for index in await connection.fetch(_INDEXES, SCHEMAS)
        if is_tenant(index["table"])
        and not index["is_key"]
        and index["columns"][0] != "organization_id"
        and f"{index['table']}.{index['name']}" not in INDEXES_OVER_ALL
    ]


async def foreign_keys_have_an_index(connection: Connection) -> list[str]:
    """Behind each foreign key stands a whole index whose first columns are the key's: deleting a parent reads no table."""
    indexes = [index for index in await connection.fetch(_INDEXES, SCHEMAS) if index["serves"]]
    return [
        f"{c['table']}.{c['name']}"
        for c in await connection.fetch(_CONSTRAINTS, SCHEMAS)
        if c["kind"] == "f"
        and not any(
            index["indrelid"] == c["conrelid"] and set(index["columns"][: len(c["columns"])]) == set(c["columns"])
            for index in indexes
        )
    ]


async def types_are_ours(connection: Connection) -> list[str]:
    """No time without a zone, no money, no enum; a binary fraction only where it is listed."""
    rows = await connection.fetch(
        """
        SELECT format('%s.%s.%s', n.nspname, c.relname, a.attname) AS column, t.typname::text AS type, t.typtype = 'e' AS enum
        FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'v', 'm', 'c') AND NOT c.relispartition
        JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = ANY ($1::text[])
        JOIN pg_type own ON own.oid = a.atttypid
        JOIN pg_type t ON t.oid = CASE WHEN own.typelem <> 0 AND own.typcategory = 'A' THEN own.typelem ELSE own.oid END
        WHERE a.attnum > 0 AND NOT a.attisdropped
        ORDER BY 1
        """,
        SCHEMAS,
    )
    return [
        f"{row['column']}: {row['type']}"
        for row in rows
        if row["type"] in {"timestamp", "timetz", "money", "abstime"}
        or row["enum"]
        or (row["type"] in {"float4", "float8"} and row["column"] not in FLOATS)
    ]


async def changes_are_recorded(connection: Connection) -> list[str]:
    """Every business table has its three audit triggers: per statement, with transition tables, enabled."""
    rows = await connection.fetch(
        """
        SELECT tgrelid, tgname::text AS name
        FROM pg_trigger
        WHERE tgfoid = 'core.record_changes'::regproc AND tgenabled = 'O' AND tgtype & 1 = 0
            AND (tgtype & 4 <> 0) = (tgname = 'audit_insert') AND (tgtype & 4 = 0 OR tgnewtable = 'new_rows')
            AND (tgtype & 16 <> 0) = (tgname = 'audit_update')
            AND (tgtype & 16 = 0 OR tgnewtable = 'new_rows' AND tgoldtable = 'old_rows')
            AND (tgtype & 8 <> 0) = (tgname = 'audit_delete') AND (tgtype & 8 = 0 OR tgoldtable = 'old_rows')
            AND tgtype & 32 = 0 AND tgtype & 2 = 0
        """
    )
    recorded = {(row["tgrelid"], row["name"]) for row in rows}
    return [
        f"{table['name']}.{trigger}"
        for table in await connection.fetch(TABLES, SCHEMAS)
        if is_audited(table["whole"]) and not table["is_partition"]
        for trigger in ("audit_insert", "audit_update", "audit_delete")
        if (table["oid"], trigger) not in recorded
    ]


TABLE_RULES: Final[tuple[Rule, ...]] = (
    rows_are_secured,
    organization_is_compared,
    nothing_widens_a_policy,
    workshop_is_compared,
    policies_ask_once,
    organization_is_there,
    keys_begin_with_the_organization,
    foreign_keys_stay_inside,
    indexes_begin_with_the_organization,
    foreign_keys_have_an_index,
    types_are_ours,
    changes_are_recorded,
)
