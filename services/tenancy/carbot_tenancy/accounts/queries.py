"""Accounts in SQL."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from carbot_core.credentials import Credential
from carbot_core.db import Tx
from carbot_tenancy.accounts.models import Account, AccountToken, Affiliation

type Purpose = Literal["reset_password", "change_email"]


async def find_account(tx: Tx, user_id: UUID) -> Account | None:
    return await tx.first(
        Account,
        """
        SELECT u.id, u.email, u.name, u.locale, u.created_at, u.revision,
            EXISTS (
                SELECT FROM tenancy.second_factors f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL
            ) AS second_factor,
            (
                SELECT count(*) FROM tenancy.recovery_codes c WHERE c.user_id = u.id AND c.used_at IS NULL
            ) AS recovery_codes_left
        FROM tenancy.users u
        WHERE u.id = $1
        """,
        user_id,
    )


async def find_affiliation(tx: Tx, user_id: UUID) -> Affiliation | None:
    """Find what a user is in the organisation of the context."""
    return await tx.first(
        Affiliation,
        """
        SELECT o.organization_id AS id, o.legal_name AS name, o.status, m.role
        FROM tenancy.workshop_users m
        JOIN tenancy.organizations o ON o.organization_id = m.organization_id
        WHERE m.organization_id = $1 AND m.user_id = $2 AND m.is_active
        """,
        tx.organization_id,
        user_id,
    )


async def update_account(tx: Tx, account: Account, now: datetime) -> bool:
    """Store name and language; return False if the account has changed since it was read."""
    return bool(
        await tx.execute(
            """
            UPDATE tenancy.users
            SET name = $3, locale = $4, updated_at = $5, revision = revision + 1
            WHERE id = $1 AND revision = $2
            """,
            account.id,
            account.revision,
            account.name,
            account.locale,
            now,
        )
    )


async def update_password(tx: Tx, user_id: UUID, password_hash: str, now: datetime) -> None:
    await tx.execute(
        """
        UPDATE tenancy.users
        SET password_hash = $2, updated_at = $3, revision = revision + 1
        WHERE id = $1
        """,
        user_id,
        password_hash,
        now,
    )


async def update_email(tx: Tx, user_id: UUID, email: str, now: datetime) -> None:
    """Store the address; raise ConstraintViolated if another account has it."""
    await tx.execute(
        """
        UPDATE tenancy.users
        SET email = $2, updated_at = $3, revision = revision + 1
        WHERE id = $1
        """,
        user_id,
        email,
        now,
    )


async def insert_token(
    tx: Tx,
    token: Credential,
    user_id: UUID,
    purpose: Purpose,
    new_email: str | None,
    *,
    expires_at: datetime,
    now: datetime,
) -> None:
    """Insert what is stored of a token in a mail."""
    await tx.execute(
        """
        INSERT INTO tenancy.account_tokens (id, user_id, purpose, token_hash, new_email, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        token.id,
        user_id,
        purpose,
        token.hash(),
        new_email,
        now,
        expires_at,
    )


async def find_token(tx: Tx, token_id: UUID, purpose: Purpose) -> AccountToken | None:
    return await tx.first(
        AccountToken,
        """
        SELECT id, user_id, token_hash, new_email, expires_at
        FROM tenancy.account_tokens
        WHERE id = $1 AND purpose = $2
        """,
        token_id,
        purpose,
    )


async def delete_token(tx: Tx, token_id: UUID) -> bool:
    """Spend a token; return whether it was still there."""
    return bool(await tx.execute("DELETE FROM tenancy.account_tokens WHERE id = $1", token_id))


async def delete_tokens_of_user(tx: Tx, user_id: UUID) -> None:
    """Delete every link that was sent to a user."""
    await tx.execute("DELETE FROM tenancy.account_tokens WHERE user_id = $1", user_id)


async def delete_old_tokens(tx: Tx, *, before: datetime) -> int:
    """Delete tokens that have expired; return how many rows, at most 500."""
    return await tx.execute(
        """
        DELETE FROM tenancy.account_tokens
        WHERE id IN (SELECT id FROM tenancy.account_tokens WHERE expires_at < $1 LIMIT 500)
        """,
        before,
    )
