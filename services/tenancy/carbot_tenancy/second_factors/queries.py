"""Second factors in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_tenancy.second_factors.models import SecondFactor


async def lock_second_factor(tx: Tx, user_id: UUID) -> SecondFactor | None:
    return await tx.first(
        SecondFactor,
        """
        SELECT id, user_id, secret, confirmed_at
        FROM tenancy.second_factors
        WHERE user_id = $1
        FOR UPDATE
        """,
        user_id,
    )


async def insert_second_factor(tx: Tx, factor: SecondFactor, now: datetime) -> bool:
    """Insert an authenticator; return False if the user has one."""
    return bool(
        await tx.execute(
            """
            INSERT INTO tenancy.second_factors (id, user_id, secret, created_at)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT (user_id) DO NOTHING
            """,
            factor.id,
            factor.user_id,
            factor.secret,
            now,
        )
    )


async def mark_confirmed(tx: Tx, factor_id: UUID, used_step: int, now: datetime) -> None:
    await tx.execute(
        """
        UPDATE tenancy.second_factors
        SET confirmed_at = $2, used_step = $3
        WHERE id = $1
        """,
        factor_id,
        now,
        used_step,
    )


async def mark_step_used(tx: Tx, user_id: UUID, step: int) -> bool:
    """Take a code; return False if it or a later one was taken before."""
    return bool(
        await tx.execute(
            """
            UPDATE tenancy.second_factors
            SET used_step = $2
            WHERE user_id = $1 AND used_step < $2
            """,
            user_id,
            step,
        )
    )


async def delete_second_factor(tx: Tx, user_id: UUID) -> bool:
    """Delete the authenticator; return whether there was one."""
    return bool(await tx.execute("DELETE FROM tenancy.second_factors WHERE user_id = $1", user_id))


async def insert_recovery_codes(tx: Tx, user_id: UUID, hashes: list[str], now: datetime) -> None:
    await tx.execute(
        """
        INSERT INTO tenancy.recovery_codes (id, user_id, code_hash, created_at)
        SELECT id, $1, code_hash, $4
        FROM unnest($2::uuid[], $3::text[]) AS made (id, code_hash)
        """,
        user_id,
        [new_id() for _ in hashes],
        hashes,
        now,
    )


async def mark_recovery_code_used(tx: Tx, user_id: UUID, code_hash: str, now: datetime) -> bool:
    """Use a recovery code up; return False if it is unknown or was used before."""
    return bool(
        await tx.execute(
            """
            UPDATE tenancy.recovery_codes
            SET used_at = $3
            WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL
            """,
            user_id,
            code_hash,
            now,
        )
    )


async def delete_recovery_codes(tx: Tx, user_id: UUID) -> None:
    await tx.execute("DELETE FROM tenancy.recovery_codes WHERE user_id = $1", user_id)
