"""People and an organisation, stored directly: founding hundreds over HTTP would take longer than measuring them."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import argon2
import asyncpg
import msgspec

from carbot_core.ids import new_id

PASSWORD: Final = "correct horse battery"
_HASHER: Final = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16)


class People(msgspec.Struct, frozen=True):
    """An organisation, and the people in it, of whom the first owns it; all have the same password."""

    organization_id: UUID
    user_ids: list[UUID]
    emails: list[str]


async def store(connection: "asyncpg.Connection[Any]", name: str, count: int) -> People:
    """Store an organisation of that name with so many people."""
    now, organization_id = datetime.now(UTC), new_id()
    people = People(
        organization_id, [new_id() for _ in range(count)], [f"{name}-{number}@example.org" for number in range(count)]
    )
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(
        """
        INSERT INTO tenancy.organizations
            (organization_id, slug, legal_name, legal_form, country, locale, time_zone, status, created_at, updated_at)
        VALUES ($1, $3, 'Werkstatt', 'gmbh', 'DE', 'de', 'Europe/Berlin', 'trial', $2, $2)
        """,
        organization_id,
        now,
        name,
    )
    await connection.execute(
        """
        INSERT INTO tenancy.users (id, email, name, password_hash, locale, created_at, updated_at)
        SELECT id, email, 'Anna', $3, 'de', $4, $4
        FROM unnest($1::uuid[], $2::text[]) AS person (id, email)
        """,
        people.user_ids,
        people.emails,
        _HASHER.hash(PASSWORD),
        now,
    )
    await connection.execute(
        """
        INSERT INTO tenancy.workshop_users (organization_id, id, user_id, role, created_at, updated_at)
        SELECT $1, core.uuid7(), id, CASE place WHEN 1 THEN 'owner' ELSE 'viewer' END, $3, $3
        FROM unnest($2::uuid[]) WITH ORDINALITY AS person (id, place)
        """,
        organization_id,
        people.user_ids,
        now,
    )
    await connection.execute("SET session_replication_role = origin")
    return people
