"""API keys in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.credentials import Credential
from carbot_core.db import Tx
from carbot_tenancy.api_keys.models import ApiKey, NewApiKey, StoredApiKey


async def list_api_keys(tx: Tx, *, after: UUID | None, limit: int) -> list[ApiKey]:
    """List keys, newest first."""
    return await tx.all(
        ApiKey,
        """
        SELECT id, kind, name, workshop_id, allowed_origins, scopes, rotated_from, expires_at, last_used_at, revoked_at,
            created_at, revision
        FROM tenancy.api_keys
        WHERE organization_id = $1 AND ($2::uuid IS NULL OR id < $2)
        ORDER BY id DESC
        LIMIT $3
        """,
        tx.organization_id,
        after,
        limit,
    )


async def find_api_key(tx: Tx, key_id: UUID) -> ApiKey | None:
    return await tx.first(
        ApiKey,
        """
        SELECT id, kind, name, workshop_id, allowed_origins, scopes, rotated_from, expires_at, last_used_at, revoked_at,
            created_at, revision
        FROM tenancy.api_keys
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        key_id,
    )


async def insert_api_key(
    tx: Tx, new: NewApiKey, credential: Credential, *, created_by: UUID, rotated_from: UUID | None, now: datetime
) -> StoredApiKey:
    return await tx.one(
        StoredApiKey,
        """
        INSERT INTO tenancy.api_keys
            (organization_id, id, workshop_id, kind, name, secret_hash, scopes, allowed_origins, created_by, rotated_from,
            expires_at, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
        RETURNING id, kind, workshop_id, secret_hash, allowed_origins, expires_at, revoked_at, revision
        """,
        tx.organization_id,
        credential.id,
        new.workshop_id,
        new.kind,
        new.name,
        credential.hash(),
        new.scopes or [],
        new.allowed_origins,
        created_by,
        rotated_from,
        new.expires_at,
        now,
    )


async def mark_revoked(tx: Tx, key_id: UUID, now: datetime) -> StoredApiKey | None:
    """Revoke a key, or return None if there is no such key, or none that still counts."""
    return await tx.first(
        StoredApiKey,
        """
        UPDATE tenancy.api_keys
        SET revoked_at = $3, updated_at = $3, revision = revision + 1
        WHERE organization_id = $1 AND id = $2 AND revoked_at IS NULL
        RETURNING id, kind, workshop_id, secret_hash, allowed_origins, expires_at, revoked_at, revision
        """,
        tx.organization_id,
        key_id,
        now,
    )


async def mark_all_revoked(tx: Tx, now: datetime) -> list[StoredApiKey]:
    """Revoke the keys of the organisation that still count, and return them."""
    return await tx.all(
        StoredApiKey,
        """
        UPDATE tenancy.api_keys
        SET revoked_at = $2, updated_at = $2, revision = revision + 1
        WHERE organization_id = $1 AND revoked_at IS NULL
        RETURNING id, kind, workshop_id, secret_hash, allowed_origins, expires_at, revoked_at, revision
        """,
        tx.organization_id,
        now,
    )


async def lock_api_key(tx: Tx, key_id: UUID) -> ApiKey | None:
    """Find a key and let nobody else change it until the transaction ends."""
    return await tx.first(
        ApiKey,
        """
        SELECT id, kind, name, workshop_id, allowed_origins, scopes, rotated_from, expires_at, last_used_at, revoked_at,
            created_at, revision
        FROM tenancy.api_keys
        WHERE organization_id = $1 AND id = $2
        FOR NO KEY UPDATE
        """,
        tx.organization_id,
        key_id,
    )


async def update_expiry(tx: Tx, key_id: UUID, expires_at: datetime, now: datetime) -> StoredApiKey:
    """Let a key end then."""
    return await tx.one(
        StoredApiKey,
        """
        UPDATE tenancy.api_keys
        SET expires_at = $3, updated_at = $4, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, kind, workshop_id, secret_hash, allowed_origins, expires_at, revoked_at, revision
        """,
        tx.organization_id,
        key_id,
        expires_at,
        now,
    )


async def list_api_key_states(tx: Tx, after: UUID | None, limit: int) -> list[StoredApiKey]:
    """List keys in the order of their ids, for announcements."""
    return await tx.all(
        StoredApiKey,
        """
        SELECT id, kind, workshop_id, secret_hash, allowed_origins, expires_at, revoked_at, revision
        FROM tenancy.api_keys
        WHERE organization_id = $1 AND ($2::uuid IS NULL OR id > $2)
        ORDER BY id
        LIMIT $3
        """,
        tx.organization_id,
        after,
        limit,
    )
