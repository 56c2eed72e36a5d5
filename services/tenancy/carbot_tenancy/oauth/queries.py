"""Exchanging keys, in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_tenancy.oauth.models import ExchangedKey


async def lock_key(tx: Tx, key_id: UUID) -> ExchangedKey | None:
    """Find a key of the context's organisation, whether it still counts or not; whoever closes that waits for the token."""
    return await tx.first(
        ExchangedKey,
        """
        SELECT k.id, k.kind, k.workshop_id, k.secret_hash, k.scopes, k.expires_at, k.revoked_at,
            o.status AS organization_status
        FROM tenancy.api_keys k
        JOIN tenancy.organizations o ON o.organization_id = k.organization_id
        WHERE k.organization_id = $1 AND k.id = $2
        FOR SHARE OF o
        """,
        tx.organization_id,
        key_id,
    )


async def mark_used(tx: Tx, key_id: UUID, now: datetime) -> None:
    """Note when a key was last used, to the minute: what is known for this minute is not written again."""
    await tx.execute(
        """
        UPDATE tenancy.api_keys
        SET last_used_at = date_trunc('minute', $3::timestamptz)
        WHERE organization_id = $1 AND id = $2
            AND (last_used_at IS NULL OR last_used_at < date_trunc('minute', $3::timestamptz))
        """,
        tx.organization_id,
        key_id,
        now,
    )
