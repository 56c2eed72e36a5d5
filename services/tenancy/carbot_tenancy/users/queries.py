"""Users in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_tenancy.users.models import NewUser, Recipient, User


async def find_user(tx: Tx, email: str) -> User | None:
    """Find a user by the normalised address, with the authenticator that counts."""
    return await tx.first(
        User,
        """
        SELECT u.id, u.password_hash, u.status, f.id AS factor_id, f.secret AS factor_secret
        FROM tenancy.users u
        LEFT JOIN tenancy.second_factors f ON f.user_id = u.id AND f.confirmed_at IS NOT NULL
        WHERE u.email = $1
        """,
        email,
    )


async def find_known(tx: Tx, email: str) -> bool:
    """Tell whether somebody has this address."""
    return await tx.value(bool, "SELECT EXISTS (SELECT FROM tenancy.users WHERE email = $1)", email) is True


async def find_recipient(tx: Tx, user_id: UUID) -> Recipient | None:
    """Find whom to write to, unless the account is locked."""
    return await tx.first(
        Recipient,
        """
        SELECT u.id, u.email, u.name, u.locale, f.confirmed_at IS NOT NULL AS second_factor
        FROM tenancy.users u
        LEFT JOIN tenancy.second_factors f ON f.user_id = u.id
        WHERE u.id = $1 AND u.status = 'active'
        """,
        user_id,
    )


async def find_recipient_of_email(tx: Tx, email: str) -> Recipient | None:
    """Find whom to write to by the normalised address, unless the account is locked."""
    return await tx.first(
        Recipient,
        """
        SELECT u.id, u.email, u.name, u.locale, f.confirmed_at IS NOT NULL AS second_factor
        FROM tenancy.users u
        LEFT JOIN tenancy.second_factors f ON f.user_id = u.id
        WHERE u.email = $1 AND u.status = 'active'
        """,
        email,
    )


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
