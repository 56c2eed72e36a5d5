"""Organisations in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_tenancy.organizations.models import NewOrganization, StoredOrganization


async def find_organization(tx: Tx) -> StoredOrganization | None:
    """Find the caller's organisation."""
    return await tx.first(
        StoredOrganization,
        """
        SELECT organization_id AS id, slug, legal_name, legal_form, register_court, register_number, vat_id, tax_number,
            country, locale, time_zone, status, subscription_status, subscription_version, suspended_at,
            suspension_reason, closing_since, erased_at, created_at, revision
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


async def lock_organization(tx: Tx) -> StoredOrganization | None:
    """Find the context's organisation; others who change it, or make tokens for it, wait until the transaction ends."""
    return await tx.first(
        StoredOrganization,
        """
        SELECT organization_id AS id, slug, legal_name, legal_form, register_court, register_number, vat_id, tax_number,
            country, locale, time_zone, status, subscription_status, subscription_version, suspended_at,
            suspension_reason, closing_since, erased_at, created_at, revision
        FROM tenancy.organizations
        WHERE organization_id = $1
        FOR NO KEY UPDATE
        """,
        tx.organization_id,
    )


async def insert_organization(
    tx: Tx, new: NewOrganization, *, slug: str, time_zone: str, now: datetime
) -> StoredOrganization | None:
    """Insert the organisation of the context, or return None if another one has the slug."""
    return await tx.first(
        StoredOrganization,
        """
        INSERT INTO tenancy.organizations
            (organization_id, slug, legal_name, legal_form, country, locale, time_zone, status, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'trial', $8, $8)
        ON CONFLICT (slug) DO NOTHING
        RETURNING organization_id AS id, slug, legal_name, legal_form, register_court, register_number, vat_id,
            tax_number, country, locale, time_zone, status, subscription_status, subscription_version, suspended_at,
            suspension_reason, closing_since, erased_at, created_at, revision
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


async def update_legal_data(tx: Tx, organization: StoredOrganization, now: datetime) -> None:
    """Store what an organisation that was locked says of itself."""
    await tx.execute(
        """
        UPDATE tenancy.organizations
        SET legal_name = $2, legal_form = $3, register_court = $4, register_number = $5, vat_id = $6, tax_number = $7,
            locale = $8, time_zone = $9, revision = $10, updated_at = $11
        WHERE organization_id = $1
        """,
        organization.id,
        organization.legal_name,
        organization.legal_form,
        organization.register_court,
        organization.register_number,
        organization.vat_id,
        organization.tax_number,
        organization.locale,
        organization.time_zone,
        organization.revision,
        now,
    )


async def update_closing(tx: Tx, organization: StoredOrganization, now: datetime) -> None:
    """Store since when an organisation that was locked is closing, and its status."""
    await tx.execute(
        """
        UPDATE tenancy.organizations
        SET status = $2, closing_since = $3, revision = $4, updated_at = $5
        WHERE organization_id = $1
        """,
        organization.id,
        organization.status,
        organization.closing_since,
        organization.revision,
        now,
    )


async def update_standing(tx: Tx, organization: StoredOrganization, now: datetime) -> None:
    """Store what billing and the operator say of an organisation that was locked, and its status."""
    await tx.execute(
        """
        UPDATE tenancy.organizations
        SET status = $2, subscription_status = $3, subscription_version = $4, suspended_at = $5, suspension_reason = $6,
            revision = $7, updated_at = $8
        WHERE organization_id = $1
        """,
        organization.id,
        organization.status,
        organization.subscription_status,
        organization.subscription_version,
        organization.suspended_at,
        organization.suspension_reason,
        organization.revision,
        now,
    )


async def mark_erased(tx: Tx, organization: StoredOrganization, now: datetime) -> None:
    """Store that an organisation that was locked is erased."""
    await tx.execute(
        """
        UPDATE tenancy.organizations
        SET status = $2, erased_at = $3, revision = $4, updated_at = $5
        WHERE organization_id = $1
        """,
        organization.id,
        organization.status,
        organization.erased_at,
        organization.revision,
        now,
    )


async def list_organization_states(tx: Tx, after: UUID | None, limit: int) -> list[StoredOrganization]:
    """List the context's organisation, unless it is `after`: for announcements, which ask for pages."""
    return await tx.all(
        StoredOrganization,
        """
        SELECT organization_id AS id, slug, legal_name, legal_form, register_court, register_number, vat_id, tax_number,
            country, locale, time_zone, status, subscription_status, subscription_version, suspended_at,
            suspension_reason, closing_since, erased_at, created_at, revision
        FROM tenancy.organizations
        WHERE organization_id = $1 AND ($2::uuid IS NULL OR organization_id > $2)
        LIMIT $3
        """,
        tx.organization_id,
        after,
        limit,
    )
