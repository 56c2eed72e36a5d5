"""Organisations in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_tenancy.organizations.models import NewOrganization, Organization


async def find_organization(tx: Tx) -> Organization | None:
    """Find the caller's organisation."""
    return await tx.first(
        Organization,
        """
        SELECT organization_id AS id, slug, legal_name, legal_form, country, locale, time_zone, status, created_at, revision
        FROM tenancy.organizations
        WHERE organization_id = $1
        """,
        tx.organization_id,
    )


async def lock_choices(tx: Tx) -> None:
    """Let whoever chooses an owner, a master workshop or whom to invite wait for the transaction: each sees what the last chose."""
    await tx.execute(
        "SELECT FROM tenancy.organizations WHERE organization_id = $1 FOR NO KEY UPDATE", tx.organization_id
    )


async def insert_organization(
    tx: Tx, new: NewOrganization, *, slug: str, time_zone: str, now: datetime
) -> Organization | None:
    """Insert the organisation of the context, or return None if another one has the slug."""
    return await tx.first(
        Organization,
        """
        INSERT INTO tenancy.organizations
            (organization_id, slug, legal_name, legal_form, country, locale, time_zone, status, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'trial', $8, $8)
        ON CONFLICT (slug) DO NOTHING
        RETURNING organization_id AS id, slug, legal_name, legal_form, country, locale, time_zone, status, created_at,
            revision
        """,
        tx.organization_id,
        slug,
        new.legal_name,
        new.legal_form,
        new.country,
        new.locale,
        time_zone,
        now,
    )


async def mark_closing(tx: Tx, now: datetime) -> Organization | None:
    """Begin to close the caller's organisation, or return None if that has begun."""
    return await tx.first(
        Organization,
        """
        UPDATE tenancy.organizations
        SET status = 'closing', updated_at = $2, revision = revision + 1
        WHERE organization_id = $1 AND status NOT IN ('closing', 'erased')
        RETURNING organization_id AS id, slug, legal_name, legal_form, country, locale, time_zone, status, created_at,
            revision
        """,
        tx.organization_id,
        now,
    )


async def list_organization_states(tx: Tx, after: UUID | None, limit: int) -> list[Organization]:
    """List the context's organisation, unless it is `after`: for announcements, which ask for pages."""
    return await tx.all(
        Organization,
        """
        SELECT organization_id AS id, slug, legal_name, legal_form, country, locale, time_zone, status, created_at, revision
        FROM tenancy.organizations
        WHERE organization_id = $1 AND ($2::uuid IS NULL OR organization_id > $2)
        LIMIT $3
        """,
        tx.organization_id,
        after,
        limit,
    )
