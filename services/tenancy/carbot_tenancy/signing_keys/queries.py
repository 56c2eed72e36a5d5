"""Signing keys in SQL."""

from datetime import datetime

from carbot_core.db import Tx
from carbot_tenancy.signing_keys.models import SigningKey


async def list_signing_keys(tx: Tx, now: datetime) -> list[SigningKey]:
    """List the keys that are published, the youngest first."""
    return await tx.all(
        SigningKey,
        """
        SELECT kid, public_key, private_key, not_before, retired_at
        FROM tenancy.signing_keys
        WHERE retired_at IS NULL OR retired_at > $1
        ORDER BY not_before DESC, kid DESC
        """,
        now,
    )


async def lock_signing_keys(tx: Tx) -> datetime | None:
    """Let nobody else rotate until the transaction ends; return when the youngest key was made that is not to be retired."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('tenancy.signing_keys', 0))")
    return await tx.value(datetime, "SELECT max(created_at) FROM tenancy.signing_keys WHERE retired_at IS NULL")


async def update_retirement(tx: Tx, retired_at: datetime) -> int:
    """Let every key that has no end yet end then."""
    return await tx.execute(
        """
        UPDATE tenancy.signing_keys
        SET retired_at = $1
        WHERE retired_at IS NULL
        """,
        retired_at,
    )


async def insert_signing_key(tx: Tx, key: SigningKey, now: datetime) -> None:
    await tx.execute(
        """
        INSERT INTO tenancy.signing_keys (kid, public_key, private_key, not_before, created_at)
        VALUES ($1, $2, $3, $4, $5)
        """,
        key.kid,
        key.public_key,
        key.private_key,
        key.not_before,
        now,
    )


async def delete_retired(tx: Tx, *, before: datetime) -> int:
    """Delete keys that were retired before then; return how many."""
    return await tx.execute("DELETE FROM tenancy.signing_keys WHERE retired_at < $1", before)
