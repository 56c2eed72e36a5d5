"""Rules over roles and rights in PostgreSQL's catalogue: each returns what contradicts it, one line per finding."""

import re
import tomllib
from pathlib import Path
from typing import Final

import asyncpg
from catalogue_data import LEAKPROOF, SCHEMAS, SERVICES, settings_of
from catalogue_rules import TABLE_RULES, Connection, Rule

GRANTS: Final = Path(__file__).with_name("grants.toml")
_KINDS: Final = ("migrate", "api", "worker")
_LOGINS: Final = tuple(f"{service}_{kind}" for service in SERVICES for kind in _KINDS)
_OURS: Final = (*_LOGINS, *(f"{schema}_owner" for schema in SCHEMAS))

type Matrix = dict[str, dict[str, list[str]]]
"""Table, role, rights such as `SELECT` or `UPDATE (name)`."""


async def _rights(connection: Connection) -> list[asyncpg.Record]:
    """Return every right on a relation or a column that somebody other than the owner has."""
    return await connection.fetch(
        """
        SELECT format('%s.%s', n.nspname, c.relname) AS relation, c.relispartition AS is_partition, c.relkind::text AS kind,
            COALESCE(r.rolname::text, 'PUBLIC') AS role, g.privilege_type AS right, g.column_name, g.is_grantable
        FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = ANY ($1::text[])
        CROSS JOIN LATERAL (
            SELECT grantee, privilege_type, NULL AS column_name, is_grantable FROM aclexplode(c.relacl)
            UNION ALL
            SELECT x.grantee, x.privilege_type, a.attname::text, x.is_grantable
            FROM pg_attribute a
            CROSS JOIN LATERAL aclexplode(a.attacl) x
            WHERE a.attrelid = c.oid AND NOT a.attisdropped
        ) g
        LEFT JOIN pg_roles r ON r.oid = g.grantee
        WHERE g.grantee <> c.relowner
        ORDER BY 1, 4, 5, 6
        """,
        SCHEMAS,
    )


async def granted(connection: Connection) -> Matrix:
    """Return who may do what with which table, partitions apart."""
    columns: dict[tuple[str, str, str], list[str]] = {}
    matrix: Matrix = {}
    for row in await _rights(connection):
        if row["is_partition"]:
            continue
        if row["column_name"]:
            columns.setdefault((row["relation"], row["role"], row["right"]), []).append(row["column_name"])
        else:
            matrix.setdefault(row["relation"], {}).setdefault(row["role"], []).append(row["right"])
    for (relation, role, right), names in columns.items():
        matrix.setdefault(relation, {}).setdefault(role, []).append(f"{right} ({', '.join(sorted(names))})")
    return matrix


def expected() -> Matrix:
    """Return the written matrix, for the services that there are."""
    matrix: Matrix = tomllib.loads(GRANTS.read_text())
    return {relation: roles for relation, roles in matrix.items() if relation.partition(".")[0] in SCHEMAS}


def written(matrix: Matrix) -> str:
    """Return a matrix as TOML."""
    lines = ["# Who may do what with which table, and nobody anything else. `make snapshots` writes it: read the diff."]
    for relation, roles in sorted(matrix.items()):
        lines += ["", f'["{relation}"]']
        for role, rights in sorted(roles.items()):
            lines += [f"{role} = [", *(f'    "{right}",' for right in sorted(rights)), "]"]
    return "\n".join([*lines, ""])


async def rights_are_as_written(connection: Connection) -> list[str]:
    """The rights on tables, and on columns, are exactly those of grants.toml."""
    flat = [
        {
            (relation, role, right)
            for relation, roles in matrix.items()
            for role, rights in roles.items()
            for right in rights
        }
        for matrix in (await granted(connection), expected())
    ]
    return [
        *(f"{relation}: {role} has {right}" for relation, role, right in sorted(flat[0] - flat[1])),
        *(f"{relation}: {role} lacks {right}" for relation, role, right in sorted(flat[1] - flat[0])),
    ]


async def keys_never_change(connection: Connection) -> list[str]:
    """Nobody may update an id or an organization_id of business rows, not even by a right on the whole table."""
    inner = ("timers", "dead_letters", "jobs", "revocations")
    return [
        f"{row['relation']}: {row['role']} may update {row['column_name'] or 'all columns'}"
        for row in await _rights(connection)
        if row["right"] == "UPDATE"
        and row["kind"] in {"r", "p"}
        and row["relation"].partition(".")[2] not in inner
        and row["column_name"] in {None, "id", "organization_id"}
    ]


async def partitions_are_closed(connection: Connection) -> list[str]:
    """Nobody has a right on a partition: the policies of its table would not be asked."""
    return [f"{row['relation']}: {row['role']}" for row in await _rights(connection) if row["is_partition"]]


async def rights_are_harmless(connection: Connection) -> list[str]:
    """Nobody may TRUNCATE, reference, add triggers, or hand a right on."""
    return [
        f"{row['relation']}: {row['role']} {row['right']}"
        for row in await _rights(connection)
        if row["right"] in {"TRUNCATE", "REFERENCES", "TRIGGER"} or row["is_grantable"]
    ]


async def materialized_views_are_closed(connection: Connection) -> list[str]:
    """Nobody has a right on a materialised view: row security does not reach it."""
    return [f"{row['relation']}: {row['role']}" for row in await _rights(connection) if row["kind"] == "m"]


async def views_ask_as_the_caller(connection: Connection) -> list[str]:
    """Every view is security_invoker."""
    rows = await connection.fetch(
        """
        SELECT format('%s.%s', n.nspname, c.relname)
        FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = ANY ($1::text[])
        WHERE c.relkind = 'v' AND NOT COALESCE(c.reloptions && '{security_invoker=true,security_invoker=on}', false)
        """,
        SCHEMAS,
    )
    return [row[0] for row in rows]


async def functions_run_as_the_caller(connection: Connection) -> list[str]:
    """No function of ours is SECURITY DEFINER."""
    rows = await connection.fetch(
        """
        SELECT p.oid::regprocedure::text
        FROM pg_proc p
        WHERE p.prosecdef AND p.oid >= 16384
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
        """
    )
    return [row[0] for row in rows]


async def owners_own(connection: Connection) -> list[str]:
    """Everything in a schema belongs to the schema's owner role, and login roles own nothing anywhere."""
    rows = await connection.fetch(
        """
        SELECT n.nspname::text AS schema, objects.kind, objects.name, r.rolname::text AS owner
        FROM (
            SELECT 'schema' AS kind, oid AS namespace, nspname::text AS name, nspowner AS owner FROM pg_namespace
            UNION ALL
            SELECT 'relation', relnamespace, relname, relowner FROM pg_class
            UNION ALL
            SELECT 'function', pronamespace, proname, proowner FROM pg_proc
            UNION ALL
            SELECT 'type', typnamespace, typname, typowner FROM pg_type
        ) objects
        JOIN pg_namespace n ON n.oid = objects.namespace
        JOIN pg_roles r ON r.oid = objects.owner
        WHERE r.rolname = ANY ($1::text[])
            OR n.nspname = ANY ($2::text[]) AND r.rolname <> n.nspname || '_owner'
        """,
        _LOGINS,
        SCHEMAS,
    )
    return [f"{row['kind']} {row['schema']}.{row['name']}: {row['owner']}" for row in rows]


async def roles_are_bound(connection: Connection) -> list[str]:
    """Login roles are no superusers, have no BYPASSRLS and inherit nothing; owners cannot log in."""
    rows = await connection.fetch(
        """
        SELECT rolname::text AS name, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolinherit, rolcanlogin
        FROM pg_roles
        WHERE rolname = ANY ($1::text[])
        ORDER BY 1
        """,
        _OURS,
    )
    findings = [f"{name}: missing" for name in set(_OURS) - {row["name"] for row in rows}]
    for row in rows:
        wrong = [name for name in ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication") if row[name]]
        if row["name"] in _LOGINS:
            wrong += [name for name in ("rolbypassrls", "rolinherit") if row[name]]
        elif row["rolcanlogin"]:
            wrong.append("rolcanlogin")
        elif row["rolbypassrls"] is (row["name"] == "core_owner"):
            wrong.append("rolbypassrls")
        findings += [f"{row['name']}: {name}" for name in wrong]
    return findings


async def only_migrations_become_owner(connection: Connection) -> list[str]:
    """Nobody may become an owner but the schema's migrate role, and any for core; the other roles are members of nothing."""
    rows = await connection.fetch(
        """
        SELECT g.rolname::text AS role, m.rolname::text AS member, a.admin_option
        FROM pg_auth_members a
        JOIN pg_roles g ON g.oid = a.roleid
        JOIN pg_roles m ON m.oid = a.member
        WHERE g.rolname = ANY ($1::text[]) OR m.rolname = ANY ($1::text[])
        """,
        _OURS,
    )
    return [
        f"{row['member']} may become {row['role']}"
        for row in rows
        if row["admin_option"] or not re.fullmatch(r"(\w+)_migrate:(\1|core)_owner", f"{row['member']}:{row['role']}")
    ]


async def schemas_are_closed(connection: Connection) -> list[str]:
    """A login role may use its own schema, core and public; create nowhere; everybody else may do nothing in ours."""
    rows = await connection.fetch(
        """
        SELECT n.nspname::text AS schema, COALESCE(r.rolname::text, 'PUBLIC') AS role, x.privilege_type AS right
        FROM pg_namespace n
        CROSS JOIN LATERAL aclexplode(n.nspacl) x
        LEFT JOIN pg_roles r ON r.oid = x.grantee
        WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND x.grantee <> n.nspowner
        """
    )
    allowed = {
        (schema, f"{service}_{kind}", "USAGE")
        for service in SERVICES
        for kind in _KINDS
        for schema in (*(() if kind == "migrate" else (service,)), "core", "public")
    }
    return [
        f"{row['schema']}: {row['role']} {row['right']}"
        for row in rows
        if (row["role"] in _LOGINS or row["role"] == "PUBLIC" or row["schema"] in SERVICES)
        and (row["schema"], row["role"], row["right"]) not in allowed
    ]


async def nothing_is_granted_in_advance(connection: Connection) -> list[str]:
    """There are no default privileges: each migration says what it grants."""
    return [str(row[0]) for row in await connection.fetch("SELECT defaclacl FROM pg_default_acl")]


async def roles_have_their_settings(connection: Connection) -> list[str]:
    """Time-outs, search_path, timezone and jit of each login role are those of the architecture."""
    rows = await connection.fetch(
        """
        SELECT r.rolname::text AS role, s.setconfig AS settings
        FROM pg_roles r
        LEFT JOIN pg_db_role_setting s ON s.setrole = r.oid AND s.setdatabase = 0
        WHERE r.rolname = ANY ($1::text[])
        """,
        _LOGINS,
    )
    return [
        f"{row['role']}: {setting}"
        for row in rows
        for setting in sorted(set(row["settings"] or ()) ^ settings_of(*row["role"].split("_")))
    ]


_MARKS: Final = """
    SELECT format('%s.%s(%s)', n.nspname, p.proname, replace(oidvectortypes(p.proargtypes), ', ', ',')) AS name
    FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.proleakproof
"""


async def remember_pristine(connection: Connection, pristine: Connection) -> None:
    """Keep for this connection what PostgreSQL itself marks LEAKPROOF, read in a database that nobody bootstrapped."""
    marks = [row["name"] for row in await pristine.fetch(_MARKS)]
    await connection.execute("CREATE TEMPORARY TABLE pristine_marks (name text)")
    await connection.executemany("INSERT INTO pristine_marks VALUES ($1)", [(mark,) for mark in marks])


async def marks_are_listed(connection: Connection) -> list[str]:
    """LEAKPROOF are the listed functions, beside those that PostgreSQL itself marks; see remember_pristine."""
    rows = await connection.fetch(f"{_MARKS} EXCEPT SELECT name FROM pristine_marks")
    return sorted({row["name"] for row in rows} ^ LEAKPROOF)


RULES: Final[tuple[Rule, ...]] = (
    *TABLE_RULES,
    rights_are_as_written,
    keys_never_change,
    partitions_are_closed,
    rights_are_harmless,
    materialized_views_are_closed,
    views_ask_as_the_caller,
    functions_run_as_the_caller,
    owners_own,
    roles_are_bound,
    only_migrations_become_owner,
    schemas_are_closed,
    nothing_is_granted_in_advance,
    roles_have_their_settings,
    marks_are_listed,
)
