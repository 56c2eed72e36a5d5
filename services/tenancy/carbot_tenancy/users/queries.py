"""Users in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_tenancy.users.models import NewUser, User


async def find_user(tx: Tx, email: str) -> User | None:
    """Find a user by the normalised address."""
    return await tx.first(
        User,
        """
        SELECT id, password_hash, status
        FROM tenancy.users
        WHERE email = $1
        """,
        email,
    )


async def find_known(tx: Tx, email: str) -> bool:
    """Tell whether somebody has this address."""
    return await tx.value(bool, "SELECT EXISTS (SELECT FROM tenancy.users WHERE email = $1)", email) is True


async def insert_user(tx: Tx, new: NewUser, now: datetime) -> UUID | None:
    """Insert a user, or return None if the address has one."""
    return await tx.value(
        UUID,
        """
        INSERT INTO tenancy.users (id, email, name, password_hash, locale, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $6)
        ON CONFLICT (email) DO NOTHING
        RETURNING id
        """,
        new_id(),
        new.email,
        new.name,
        new.password_hash,
        new.locale,
        now,
    )


async def mark_signed_in(tx: Tx, user_id: UUID, now: datetime) -> None:
    await tx.execute("UPDATE tenancy.users SET last_sign_in_at = $2 WHERE id = $1", user_id, now)
