"""Sessions in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_tenancy.sessions.models import EndReason, LivingSession, OwnSession, Seat, Session


async def lock_seat(tx: Tx, user_id: UUID) -> Seat | None:
    """Find a user's membership; whoever changes it waits until the token that it goes into is made."""
    return await tx.first(
        Seat,
        """
        SELECT m.organization_id, o.status AS organization_status, m.user_id, m.role, m.workshop_ids,
            m.is_active AND u.status = 'active' AS is_active
        FROM tenancy.workshop_users m
        JOIN tenancy.organizations o ON o.organization_id = m.organization_id
        JOIN tenancy.users u ON u.id = m.user_id
        WHERE m.organization_id = $1 AND m.user_id = $2
        FOR SHARE OF m
        """,
        tx.organization_id,
        user_id,
    )


async def lock_session(tx: Tx, session_id: UUID) -> Session | None:
    """Find a session of the organisation; its tokens rotate one at a time."""
    return await tx.first(
        Session,
        """
        SELECT id, organization_id, user_id, family_key, token_hash, previous_hash, successor, rotated_at, expires_at,
            ends_at, COALESCE(authenticated_at, created_at) AS authenticated_at, revoked_at
        FROM tenancy.sessions
        WHERE organization_id = $1 AND id = $2
        FOR UPDATE
        """,
        tx.organization_id,
        session_id,
    )


async def insert_session(tx: Tx, session: Session, *, user_agent: str, address: str, now: datetime) -> None:
    await tx.execute(
        """
        INSERT INTO tenancy.sessions
            (id, organization_id, user_id, family_key, token_hash, user_agent, address, created_at, expires_at, ends_at,
            authenticated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        session.id,
        session.organization_id,
        session.user_id,
        session.family_key,
        session.token_hash,
        user_agent,
        address,
        now,
        session.expires_at,
        session.ends_at,
        session.authenticated_at,
    )


async def update_token(tx: Tx, session: Session) -> None:
    """Store a rotation."""
    await tx.execute(
        """
        UPDATE tenancy.sessions
        SET token_hash = $3, previous_hash = $4, successor = $5, rotated_at = $6, expires_at = $7
        WHERE organization_id = $1 AND id = $2
        """,
        session.organization_id,
        session.id,
        session.token_hash,
        session.previous_hash,
        session.successor,
        session.rotated_at,
        session.expires_at,
    )


async def list_own_sessions(
    tx: Tx, user_id: UUID, current: UUID | None, *, after: UUID | None, limit: int, now: datetime
) -> list[OwnSession]:
    """List a user's living sessions in all organisations, newest first."""
    return await tx.all(
        OwnSession,
        """
        SELECT id, organization_id, user_agent, address, created_at, COALESCE(rotated_at, created_at) AS last_used_at,
            expires_at, id IS NOT DISTINCT FROM $2 AS is_current
        FROM tenancy.sessions
        WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $3 AND ($4::uuid IS NULL OR id < $4)
        ORDER BY id DESC
        LIMIT $5
        """,
        user_id,
        current,
        now,
        after,
        limit,
    )


async def list_living_sessions(tx: Tx, user_id: UUID, *, session_id: UUID | None = None) -> list[LivingSession]:
    """List a user's sessions in all organisations that were not ended, or the one with this id."""
    return await tx.all(
        LivingSession,
        """
        SELECT id, organization_id
        FROM tenancy.sessions
        WHERE user_id = $1 AND revoked_at IS NULL AND ($2::uuid IS NULL OR id = $2)
        ORDER BY id
        """,
        user_id,
        session_id,
    )


async def mark_authenticated(tx: Tx, session_id: UUID, user_id: UUID, now: datetime) -> bool:
    """Note that the credentials were shown in a session; return whether it is alive."""
    return bool(
        await tx.execute(
            """
            UPDATE tenancy.sessions
            SET authenticated_at = $4
            WHERE organization_id = $1 AND id = $2 AND user_id = $3 AND revoked_at IS NULL
            """,
            tx.organization_id,
            session_id,
            user_id,
            now,
        )
    )


async def mark_revoked(tx: Tx, session_id: UUID, reason: EndReason, now: datetime) -> bool:
    """End a session; return whether it was alive."""
    return bool(
        await tx.execute(
            """
            UPDATE tenancy.sessions
            SET revoked_at = $3, revoked_reason = $4, successor = NULL
            WHERE organization_id = $1 AND id = $2 AND revoked_at IS NULL
            """,
            tx.organization_id,
            session_id,
            now,
            reason,
        )
    )


async def delete_sessions(tx: Tx, *, before: datetime) -> int:
    """Delete sessions that ran out before then; return how many rows, at most 500."""
    return await tx.execute(
        """
        DELETE FROM tenancy.sessions
        WHERE id IN (SELECT id FROM tenancy.sessions WHERE expires_at < $1 LIMIT 500)
        """,
        before,
    )
