"""What a service keeps of tenancy: organisations, workshops, members and publishable keys, projected from its events."""

from typing import Any
from uuid import UUID

from carbot_contracts.event import Event
from carbot_contracts.tenancy import (
    AccessRevoked,
    ApiKeyChanged,
    MembershipChanged,
    OrganizationChanged,
    OrganizationRegistered,
    OrganizationState,
    OrganizationStatus,
    WorkshopChanged,
)
from carbot_core.auth import revocations
from carbot_core.consume import Consumer, Envelope, Handler
from carbot_core.db import Tx


def consumer(service: str, *, publishable_keys: bool = False) -> Consumer:
    """Return the consumer that keeps the directory of a service and its revocations."""
    handlers: dict[type[Event], Handler[Any]] = {
        OrganizationRegistered: project_organization,
        OrganizationChanged: project_organization,
        WorkshopChanged: project_workshop,
        MembershipChanged: project_membership,
        AccessRevoked: revocations.record,
    }
    if publishable_keys:
        handlers[ApiKeyChanged] = project_publishable_key
    return Consumer(service, "directory", "TENANCY", handlers)


async def remember_tenant(tx: Tx, organization_id: UUID, status: OrganizationStatus, version: int) -> None:
    """Note that there is such an organisation and whether it may write, for whoever must know that of all of them."""
    await tx.execute(
        """
        INSERT INTO tenants (organization_id, status, version)
        VALUES ($1, $2, $3)
        ON CONFLICT (organization_id) DO UPDATE
        SET status = EXCLUDED.status, version = EXCLUDED.version, changed_at = clock_timestamp()
        WHERE tenants.version < EXCLUDED.version
        """,
        organization_id,
        status,
        version,
    )


async def project_organization(tx: Tx, event: OrganizationState, envelope: Envelope) -> None:
    """Take over the organisation's state if it is newer than what is known."""
    await remember_tenant(tx, event.organization_id, event.status, envelope.version)
    await tx.execute(
        """
        INSERT INTO organizations
            (organization_id, slug, legal_name, country, locale, time_zone, status, registered_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (organization_id) DO UPDATE
        SET slug = EXCLUDED.slug, legal_name = EXCLUDED.legal_name, country = EXCLUDED.country, locale = EXCLUDED.locale,
            time_zone = EXCLUDED.time_zone, status = EXCLUDED.status, version = EXCLUDED.version
        WHERE organizations.version < EXCLUDED.version
        """,
        event.organization_id,
        event.slug,
        event.legal_name,
        event.country,
        event.locale,
        event.time_zone,
        event.status,
        event.registered_at,
        envelope.version,
    )


async def project_workshop(tx: Tx, event: WorkshopChanged, envelope: Envelope) -> None:
    """Take over the workshop's state if it is newer than what is known."""
    await tx.execute(
        """
        INSERT INTO workshops
            (organization_id, id, name, slug, time_zone, postal_code, federal_state, is_active, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (organization_id, id) DO UPDATE
        SET name = EXCLUDED.name, slug = EXCLUDED.slug, time_zone = EXCLUDED.time_zone, postal_code = EXCLUDED.postal_code,
            federal_state = EXCLUDED.federal_state, is_active = EXCLUDED.is_active, version = EXCLUDED.version
        WHERE workshops.version < EXCLUDED.version
        """,
        tx.organization_id,
        event.workshop_id,
        event.name,
        event.slug,
        event.time_zone,
        event.postal_code,
        event.federal_state,
        event.is_active,
        envelope.version,
    )


async def project_membership(tx: Tx, event: MembershipChanged, envelope: Envelope) -> None:
    """Take over the membership's state if it is newer than what is known."""
    await tx.execute(
        """
        INSERT INTO members (organization_id, id, user_id, role, workshop_ids, is_active, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (organization_id, id) DO UPDATE
        SET role = EXCLUDED.role, workshop_ids = EXCLUDED.workshop_ids, is_active = EXCLUDED.is_active,
            version = EXCLUDED.version
        WHERE members.version < EXCLUDED.version
        """,
        tx.organization_id,
        event.membership_id,
        event.user_id,
        event.role,
        event.workshop_ids,
        event.is_active,
        envelope.version,
    )


async def project_publishable_key(tx: Tx, event: ApiKeyChanged, envelope: Envelope) -> None:
    """Take over a publishable key's state if it is newer than what is known; secret keys are none of our business."""
    if event.kind != "publishable" or event.workshop_id is None:
        return
    await tx.execute(
        """
        INSERT INTO publishable_keys
            (organization_id, id, workshop_id, secret_hash, allowed_origins, expires_at, revoked_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (organization_id, id) DO UPDATE
        SET secret_hash = EXCLUDED.secret_hash, allowed_origins = EXCLUDED.allowed_origins,
            expires_at = EXCLUDED.expires_at, revoked_at = EXCLUDED.revoked_at, version = EXCLUDED.version
        WHERE publishable_keys.version < EXCLUDED.version
        """,
        tx.organization_id,
        event.api_key_id,
        event.workshop_id,
        event.secret_hash,
        event.allowed_origins,
        event.expires_at,
        event.revoked_at,
        envelope.version,
    )
