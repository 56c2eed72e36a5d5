"""Sessions in SQL."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from carbot_core.db import Tx
from carbot_tenancy.sessions.models import Seat, Session


async def lock_seat(tx: Tx, user_id: UUID) -> Seat | None:
    """Find a user's membership; whoever changes it or its organisation waits until the token that it goes into is made."""
    return await tx.first(
        Seat,
        """
        SELECT m.organization_id, o.status AS organization_status, m.user_id, m.role, m.workshop_ids,
            m.is_active AND u.status = 'active' AS is_active
        FROM tenancy.workshop_users m
        JOIN tenancy.organizations o ON o.organization_id = m.organization_id
        JOIN tenancy.users u ON u.id = m.user_id
        WHERE m.organization_id = $1 AND m.user_id = $2
        FOR SHARE OF m, o
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
            ends_at, revoked_at
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
            (id, organization_id, user_id, family_key, token_hash, user_agent, address, created_at, expires_at, ends_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
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


async def mark_revoked(tx: Tx, session_id: UUID, reason: Literal["signed_out", "reused"], now: datetime) -> bool:
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


async def delete_sessions_of_organization(tx: Tx) -> int:
    """Delete every session in an organisation that is erased."""
    return await tx.execute("DELETE FROM tenancy.sessions WHERE organization_id = $1", tx.organization_id)


async def delete_sessions(tx: Tx, *, before: datetime) -> int:
    """Delete sessions that ran out before then; return how many rows, at most 500."""
    return await tx.execute(
        """
        DELETE FROM tenancy.sessions
        WHERE id IN (SELECT id FROM tenancy.sessions WHERE expires_at < $1 LIMIT 500)
        """,
        before,
    )
