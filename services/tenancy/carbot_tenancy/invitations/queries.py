"""Invitations in SQL."""

from datetime import datetime
from uuid import UUID

import msgspec

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_tenancy.fields import Locale
from carbot_tenancy.invitations.models import Invitation, NewInvitation, Pending


async def insert_invitation(
    tx: Tx, new: NewInvitation, *, invited_by: UUID, expires_at: datetime, now: datetime
) -> Invitation:
    return await tx.one(
        Invitation,
        """
        INSERT INTO tenancy.invitations
            (organization_id, id, email, role, workshop_ids, invited_by, expires_at, sent_at, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8)
        RETURNING id, email, role, workshop_ids, expires_at, accepted_at, created_at, revision,
            COALESCE(sent_at, created_at) AS sent_at,
            tenancy.invitation_state(accepted_at, revoked_at, expires_at, $8) AS state
        """,
        tx.organization_id,
        new_id(),
        new.email,
        new.role,
        new.workshop_ids,
        invited_by,
        expires_at,
        now,
    )


async def list_invitations(tx: Tx, *, after: UUID | None, limit: int, now: datetime) -> list[Invitation]:
    """List invitations, newest first."""
    return await tx.all(
        Invitation,
        """
        SELECT id, email, role, workshop_ids, expires_at, accepted_at, created_at, revision,
            COALESCE(sent_at, created_at) AS sent_at,
            tenancy.invitation_state(accepted_at, revoked_at, expires_at, $4) AS state
        FROM tenancy.invitations
        WHERE organization_id = $1 AND ($2::uuid IS NULL OR id < $2)
        ORDER BY id DESC
        LIMIT $3
        """,
        tx.organization_id,
        after,
        limit,
        now,
    )


async def lock_invitation(tx: Tx, invitation_id: UUID, now: datetime) -> Invitation | None:
    """Find an invitation; whoever accepts it waits."""
    return await tx.first(
        Invitation,
        """
        SELECT id, email, role, workshop_ids, expires_at, accepted_at, created_at, revision,
            COALESCE(sent_at, created_at) AS sent_at,
            tenancy.invitation_state(accepted_at, revoked_at, expires_at, $3) AS state
        FROM tenancy.invitations
        WHERE organization_id = $1 AND id = $2
        FOR UPDATE
        """,
        tx.organization_id,
        invitation_id,
        now,
    )


async def lock_open_of_email(tx: Tx, email: str, now: datetime) -> list[Invitation]:
    """List the invitations of an address that were neither accepted nor revoked; whoever accepts one waits."""
    return await tx.all(
        Invitation,
        """
        SELECT id, email, role, workshop_ids, expires_at, accepted_at, created_at, revision,
            COALESCE(sent_at, created_at) AS sent_at,
            tenancy.invitation_state(accepted_at, revoked_at, expires_at, $3) AS state
        FROM tenancy.invitations
        WHERE organization_id = $1 AND email = $2 AND accepted_at IS NULL AND revoked_at IS NULL
        ORDER BY id
        FOR UPDATE
        """,
        tx.organization_id,
        email,
        now,
    )


async def mark_sent_again(tx: Tx, invitation_id: UUID, *, expires_at: datetime, now: datetime) -> Invitation:
    """Let an invitation begin again; the link that was sent before opens nothing any more."""
    return await tx.one(
        Invitation,
        """
        UPDATE tenancy.invitations
        SET sent_at = $4, expires_at = $3, token_hash = NULL, updated_at = $4, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, email, role, workshop_ids, expires_at, accepted_at, created_at, revision,
            COALESCE(sent_at, created_at) AS sent_at,
            tenancy.invitation_state(accepted_at, revoked_at, expires_at, $4) AS state
        """,
        tx.organization_id,
        invitation_id,
        expires_at,
        now,
    )


async def mark_revoked(tx: Tx, invitation_id: UUID, now: datetime) -> Invitation:
    """Take an invitation back."""
    return await tx.one(
        Invitation,
        """
        UPDATE tenancy.invitations
        SET revoked_at = $3, updated_at = $3, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, email, role, workshop_ids, expires_at, accepted_at, created_at, revision,
            COALESCE(sent_at, created_at) AS sent_at,
            tenancy.invitation_state(accepted_at, revoked_at, expires_at, $3) AS state
        """,
        tx.organization_id,
        invitation_id,
        now,
    )


async def find_pending(tx: Tx, invitation_id: UUID) -> Pending | None:
    """Find an invitation with its organisation."""
    return await tx.first(
        Pending,
        """
        SELECT i.id, i.email, i.role, i.workshop_ids, i.token_hash, i.expires_at, i.accepted_at,
            i.revoked_at, o.legal_name AS organization_name, o.locale AS organization_locale, o.status AS organization_status
        FROM tenancy.invitations i
        JOIN tenancy.organizations o ON o.organization_id = i.organization_id
        WHERE i.organization_id = $1 AND i.id = $2
        """,
        tx.organization_id,
        invitation_id,
    )


async def mark_accepted(tx: Tx, invitation_id: UUID, token_hash: str, now: datetime) -> bool:
    """Use an invitation up; return whether it was still to be used with this token."""
    return bool(
        await tx.execute(
            """
            UPDATE tenancy.invitations
            SET accepted_at = $4, updated_at = $4, revision = revision + 1
            WHERE organization_id = $1 AND id = $2 AND token_hash = $3 AND accepted_at IS NULL AND revoked_at IS NULL
                AND expires_at > $4
            """,
            tx.organization_id,
            invitation_id,
            token_hash,
            now,
        )
    )


async def update_token_hash(tx: Tx, invitation_id: UUID, token_hash: str) -> None:
    """Store the token that goes into the mail; one that went before it counts no more."""
    await tx.execute(
        """
        UPDATE tenancy.invitations
        SET token_hash = $3
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        invitation_id,
        token_hash,
    )


async def delete_invitations(tx: Tx) -> int:
    """Delete all invitations of an organisation that is erased."""
    return await tx.execute("DELETE FROM tenancy.invitations WHERE organization_id = $1", tx.organization_id)


class Language(msgspec.Struct, frozen=True):
    locale: Locale


async def find_language(tx: Tx) -> Language:
    """Find the language of the caller's organisation."""
    return await tx.one(
        Language, "SELECT locale FROM tenancy.organizations WHERE organization_id = $1", tx.organization_id
    )
