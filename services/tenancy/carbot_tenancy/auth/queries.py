"""Signing in, in SQL."""

from datetime import datetime
from uuid import UUID

import msgspec

from carbot_core.db import Tx


class Attempts(msgspec.Struct, frozen=True):
    """How often an account's credentials were wrong, or a client's, and until when that counts."""

    account_hash: bytes
    failures: int
    window_ends_at: datetime


async def list_attempts(tx: Tx, hashes: list[bytes]) -> list[Attempts]:
    return await tx.all(
        Attempts,
        """
        SELECT account_hash, failures, window_ends_at
        FROM tenancy.sign_in_attempts
        WHERE account_hash = ANY ($1::bytea[])
        """,
        hashes,
    )


async def update_attempts(
    tx: Tx, hashes: list[bytes], *, failed: int, window_ends_at: datetime, now: datetime
) -> list[Attempts]:
    """Add 0 or 1 failures to each and return the sums; a window that is over begins again. Keeps others waiting until the commit.

    The hashes must be in order, so that two who count the same never wait for one another.
    """
    return await tx.all(
        Attempts,
        """
        INSERT INTO tenancy.sign_in_attempts AS a (account_hash, failures, window_ends_at)
        SELECT account_hash, $2::bigint, $3::timestamptz
        FROM unnest($1::bytea[]) WITH ORDINALITY AS given (account_hash, place)
        ORDER BY place
        ON CONFLICT (account_hash) DO UPDATE
        SET failures = CASE WHEN a.window_ends_at <= $4 THEN EXCLUDED.failures ELSE a.failures + EXCLUDED.failures END,
            window_ends_at = CASE WHEN a.window_ends_at <= $4 THEN EXCLUDED.window_ends_at ELSE a.window_ends_at END
        RETURNING account_hash, failures, window_ends_at
        """,
        hashes,
        failed,
        window_ends_at,
        now,
    )


async def delete_attempts(tx: Tx, account_hash: bytes) -> None:
    """Forget the failures of an account whose password was right."""
    await tx.execute("DELETE FROM tenancy.sign_in_attempts WHERE account_hash = $1", account_hash)


async def delete_old_attempts(tx: Tx, *, before: datetime) -> int:
    """Delete failures that no longer count; return how many rows, at most 500."""
    return await tx.execute(
        """
        DELETE FROM tenancy.sign_in_attempts
        WHERE account_hash IN (SELECT account_hash FROM tenancy.sign_in_attempts WHERE window_ends_at < $1 LIMIT 500)
        """,
        before,
    )


async def list_own_organizations(tx: Tx, user_id: UUID, organization_id: UUID | None) -> list[UUID]:
    """List where a user is a member, first joined first; the transaction has the user and no organisation in context."""
    rows = await tx.all(
        Own,
        """
        SELECT organization_id
        FROM tenancy.workshop_users
        WHERE user_id = $1 AND is_active AND ($2::uuid IS NULL OR organization_id = $2)
        ORDER BY created_at, id
        LIMIT 50
        """,
        user_id,
        organization_id,
    )
    return [row.organization_id for row in rows]


class Own(msgspec.Struct, frozen=True):
    organization_id: UUID
