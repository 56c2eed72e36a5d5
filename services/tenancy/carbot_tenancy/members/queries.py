"""Members in SQL."""

from datetime import datetime
from uuid import UUID

import msgspec

from carbot_contracts.tenancy import Role
from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_tenancy.members.models import Member, Membership


async def list_members(tx: Tx, *, after: UUID | None, limit: int) -> list[Member]:
    """List members, first joined first."""
    return await tx.all(
        Member,
        """
        SELECT m.id, m.user_id, u.name, u.email, m.role, m.workshop_ids, m.is_active, m.created_at, m.revision
        FROM tenancy.workshop_users m
        JOIN tenancy.users u ON u.id = m.user_id
        WHERE m.organization_id = $1 AND ($2::uuid IS NULL OR m.id > $2)
        ORDER BY m.id
        LIMIT $3
        """,
        tx.organization_id,
        after,
        limit,
    )


async def find_member(tx: Tx, member_id: UUID) -> Member | None:
    return await tx.first(
        Member,
        """
        SELECT m.id, m.user_id, u.name, u.email, m.role, m.workshop_ids, m.is_active, m.created_at, m.revision
        FROM tenancy.workshop_users m
        JOIN tenancy.users u ON u.id = m.user_id
        WHERE m.organization_id = $1 AND m.id = $2
        """,
        tx.organization_id,
        member_id,
    )


async def find_member_id(tx: Tx, user_id: UUID) -> UUID | None:
    """Find the active membership of a user."""
    return await tx.value(
        UUID,
        "SELECT id FROM tenancy.workshop_users WHERE organization_id = $1 AND user_id = $2 AND is_active",
        tx.organization_id,
        user_id,
    )


async def lock_member(tx: Tx, member_id: UUID) -> Member | None:
    """Find a member; whoever makes a token of the membership waits."""
    return await tx.first(
        Member,
        """
        SELECT m.id, m.user_id, u.name, u.email, m.role, m.workshop_ids, m.is_active, m.created_at, m.revision
        FROM tenancy.workshop_users m
        JOIN tenancy.users u ON u.id = m.user_id
        WHERE m.organization_id = $1 AND m.id = $2
        FOR UPDATE OF m
        """,
        tx.organization_id,
        member_id,
    )


async def list_owners(tx: Tx) -> list[UUID]:
    """List the memberships of the active owners."""
    owners = await tx.all(
        Owner,
        """
        SELECT id
        FROM tenancy.workshop_users
        WHERE organization_id = $1 AND role = 'owner' AND is_active
        """,
        tx.organization_id,
    )
    return [owner.id for owner in owners]


class Owner(msgspec.Struct, frozen=True):
    id: UUID


async def lock_sessions(tx: Tx, member_id: UUID) -> None:
    """Let the sessions of a member wait; before the member, as refreshing locks them in this order."""
    await tx.execute(
        """
        SELECT
        FROM tenancy.sessions s
        JOIN tenancy.workshop_users m ON m.organization_id = s.organization_id AND m.user_id = s.user_id
        WHERE s.organization_id = $1 AND m.id = $2 AND s.revoked_at IS NULL
        ORDER BY s.id
        FOR UPDATE OF s
        """,
        tx.organization_id,
        member_id,
    )


async def mark_sessions_ended(tx: Tx, user_id: UUID, now: datetime) -> None:
    """End the sessions of a user in the organisation for good, because the membership ended."""
    await tx.execute(
        """
        UPDATE tenancy.sessions
        SET revoked_at = $3, revoked_reason = 'membership_ended', successor = NULL
        WHERE organization_id = $1 AND user_id = $2 AND revoked_at IS NULL
        """,
        tx.organization_id,
        user_id,
        now,
    )


async def find_membership_of_email(tx: Tx, email: str) -> Membership | None:
    """Find the active membership of whoever has this address."""
    return await tx.first(
        Membership,
        """
        SELECT m.id, m.user_id, m.role, m.workshop_ids, m.is_active, m.created_at, m.revision
        FROM tenancy.workshop_users m
        JOIN tenancy.users u ON u.id = m.user_id
        WHERE m.organization_id = $1 AND u.email = $2 AND m.is_active
        """,
        tx.organization_id,
        email,
    )


async def insert_member(
    tx: Tx, user_id: UUID, role: Role, workshop_ids: list[UUID] | None, now: datetime
) -> Membership | None:
    """Insert a membership, or bring back an inactive one; return None if it is active."""
    return await tx.first(
        Membership,
        """
        INSERT INTO tenancy.workshop_users AS m (organization_id, id, user_id, role, workshop_ids, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $6)
        ON CONFLICT (organization_id, user_id) DO UPDATE
        SET role = EXCLUDED.role, workshop_ids = EXCLUDED.workshop_ids, is_active = true,
            updated_at = EXCLUDED.updated_at, revision = m.revision + 1
        WHERE NOT m.is_active
        RETURNING id, user_id, role, workshop_ids, is_active, created_at, revision
        """,
        tx.organization_id,
        new_id(),
        user_id,
        role,
        workshop_ids,
        now,
    )


async def update_member(tx: Tx, member: Member, now: datetime) -> Membership:
    """Store role, workshops and whether the membership stands."""
    return await tx.one(
        Membership,
        """
        UPDATE tenancy.workshop_users
        SET role = $3, workshop_ids = $4, is_active = $5, updated_at = $6, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, user_id, role, workshop_ids, is_active, created_at, revision
        """,
        tx.organization_id,
        member.id,
        member.role,
        member.workshop_ids,
        member.is_active,
        now,
    )


async def list_membership_states(tx: Tx, after: UUID | None, limit: int) -> list[Membership]:
    """List memberships in the order of their ids, for announcements."""
    return await tx.all(
        Membership,
        """
        SELECT id, user_id, role, workshop_ids, is_active, created_at, revision
        FROM tenancy.workshop_users
        WHERE organization_id = $1 AND ($2::uuid IS NULL OR id > $2)
        ORDER BY id
        LIMIT $3
        """,
        tx.organization_id,
        after,
        limit,
    )
