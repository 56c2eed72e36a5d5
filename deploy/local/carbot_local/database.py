"""What a superuser does in the running primary: passwords, the database, the bootstrap."""

import base64
import hashlib
import hmac
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import asyncpg

from carbot_local.layout import HOST, REPOSITORY, SERVICES
from carbot_local.postgres import REPLICATION, SLOT

OWNERS = tuple(f"{service}_owner" for service in SERVICES)
LOGINS = tuple(f"{service}_{kind}" for service in SERVICES for kind in ("migrate", "api", "worker"))
SCRAM_ITERATIONS = 4096


def address(role: str, password: str, port: int, database: str) -> str:
    return f"postgresql://{role}:{password}@{HOST}:{port}/{database}"


@asynccontextmanager
async def connected(dsn: str) -> AsyncGenerator[asyncpg.Connection]:
    """Open one connection and close it."""
    connection = await asyncpg.connect(dsn, timeout=10, statement_cache_size=0)
    try:
        yield connection
    finally:
        await connection.close()


async def prepare_replication(connection: asyncpg.Connection, password: str) -> bool:
    """Make the role and the slot by which the replica follows; return whether it fell too far behind to go on."""
    await ensure_role(connection, REPLICATION, "LOGIN REPLICATION")
    await set_passwords(connection, {REPLICATION: password})
    status = await connection.fetchval("SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1", SLOT)
    if status == "lost":
        await connection.execute("SELECT pg_drop_replication_slot($1)", SLOT)
    if status in {None, "lost"}:
        await connection.execute("SELECT pg_create_physical_replication_slot($1, true)", SLOT)
    return status == "lost"


async def ensure_role(connection: asyncpg.Connection, role: str, attributes: str) -> None:
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role):
        await connection.execute(f"CREATE ROLE {role}")
    await connection.execute(f"ALTER ROLE {role} {attributes}")


async def create_database(connection: asyncpg.Connection, name: str) -> None:
    """Create a database unless it is there."""
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name):
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')


async def grant_database(connection: asyncpg.Connection, name: str) -> None:
    """Repeat bootstrap.sql's rights on the database itself, the one thing that a copy of it does not inherit."""
    await connection.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
    await connection.execute(f'GRANT CONNECT ON DATABASE "{name}" TO {", ".join(LOGINS)}')
    await connection.execute(f'GRANT TEMPORARY ON DATABASE "{name}" TO {", ".join(OWNERS)}')


async def bootstrap(connection: asyncpg.Connection) -> None:
    """Run deploy/postgres/bootstrap.sql in the connection's database."""
    await connection.execute((REPOSITORY / "deploy/postgres/bootstrap.sql").read_text())


async def set_passwords(connection: asyncpg.Connection, passwords: Mapping[str, str]) -> None:
    """Let these roles log in. The server gets the verifier, so that no log and no statistic ever holds a password."""
    for role, password in passwords.items():
        await connection.execute(f"ALTER ROLE {role} LOGIN PASSWORD '{scram_verifier(password)}'")


def scram_verifier(password: str) -> str:
    """Compute what PostgreSQL stores of a password (RFC 5803)."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ITERATIONS)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored_text, server_text = (base64.b64encode(part).decode() for part in (salt, stored_key, server_key))
    return f"SCRAM-SHA-256${SCRAM_ITERATIONS}:{salt_text}${stored_text}:{server_text}"
