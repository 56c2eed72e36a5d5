"""Registrations in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.credentials import Credential
from carbot_core.db import Tx
from carbot_tenancy.registrations.models import Registration, VerificationToken


async def insert_registration(tx: Tx, registration: Registration) -> None:
    await tx.execute(
        """
        INSERT INTO tenancy.registrations
            (id, organization_id, legal_name, legal_form, country, email, name, locale, password_hash, created_at,
            expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        registration.id,
        registration.organization_id,
        registration.legal_name,
        registration.legal_form,
        registration.country,
        registration.email,
        registration.name,
        registration.locale,
        registration.password_hash,
        registration.created_at,
        registration.expires_at,
    )


async def find_registration(tx: Tx, registration_id: UUID) -> Registration | None:
    """Find a registration of the context's organisation to be."""
    return await tx.first(
        Registration,
        """
        SELECT id, organization_id, legal_name, legal_form, country, email, name, locale, password_hash, created_at,
            expires_at
        FROM tenancy.registrations
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        registration_id,
    )


async def insert_token(tx: Tx, token: Credential, registration: Registration, now: datetime) -> None:
    """Insert what is stored of a verification token."""
    await tx.execute(
        """
        INSERT INTO tenancy.user_tokens (id, purpose, registration_id, token_hash, created_at, expires_at)
        VALUES ($1, 'verify_email', $2, $3, $4, $5)
        """,
        token.id,
        registration.id,
        token.hash(),
        now,
        registration.expires_at,
    )


async def find_token(tx: Tx, token_id: UUID) -> VerificationToken | None:
    return await tx.first(
        VerificationToken,
        """
        SELECT registration_id, token_hash, expires_at
        FROM tenancy.user_tokens
        WHERE id = $1 AND purpose = 'verify_email'
        """,
        token_id,
    )


async def delete_registration(tx: Tx, registration_id: UUID) -> Registration | None:
    """Take a registration of the context's organisation to be: whoever gets it is the only one."""
    return await tx.first(
        Registration,
        """
        DELETE FROM tenancy.registrations
        WHERE organization_id = $1 AND id = $2
        RETURNING id, organization_id, legal_name, legal_form, country, email, name, locale, password_hash, created_at,
            expires_at
        """,
        tx.organization_id,
        registration_id,
    )


async def delete_registrations_of_email(tx: Tx, email: str) -> int:
    """Delete what else the same address registered, perhaps by a second click."""
    return await tx.execute("DELETE FROM tenancy.registrations WHERE email = $1", email)
