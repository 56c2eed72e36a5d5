"""Locations in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_tenancy.federal_states import FederalState
from carbot_tenancy.locations.models import Location, NewLocation


async def list_locations(tx: Tx, workshop_id: UUID, *, after: UUID | None, limit: int) -> list[Location]:
    """List the locations of a workshop, oldest first."""
    return await tx.all(
        Location,
        """
        SELECT id, workshop_id, name, address, postal_code, city, federal_state, latitude, longitude, phone, opening_hours,
            is_primary, is_active, created_at, updated_at, revision
        FROM tenancy.workshop_locations
        WHERE organization_id = $1 AND workshop_id = $2 AND ($3::uuid IS NULL OR id > $3)
        ORDER BY id
        LIMIT $4
        """,
        tx.organization_id,
        workshop_id,
        after,
        limit,
    )


async def list_location_states(tx: Tx, after: UUID | None, limit: int) -> list[Location]:
    """List locations in the order of their ids, for announcements."""
    return await tx.all(
        Location,
        """
        SELECT id, workshop_id, name, address, postal_code, city, federal_state, latitude, longitude, phone, opening_hours,
            is_primary, is_active, created_at, updated_at, revision
        FROM tenancy.workshop_locations
        WHERE organization_id = $1 AND ($2::uuid IS NULL OR id > $2)
        ORDER BY id
        LIMIT $3
        """,
        tx.organization_id,
        after,
        limit,
    )


async def find_location(tx: Tx, location_id: UUID) -> Location | None:
    return await tx.first(
        Location,
        """
        SELECT id, workshop_id, name, address, postal_code, city, federal_state, latitude, longitude, phone, opening_hours,
            is_primary, is_active, created_at, updated_at, revision
        FROM tenancy.workshop_locations
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        location_id,
    )


async def insert_location(
    tx: Tx, workshop_id: UUID, new: NewLocation, *, federal_state: FederalState, now: datetime
) -> Location | None:
    """Insert a location, the primary one if there is none, or return None if the caller sees no such workshop."""
    return await tx.first(
        Location,
        """
        INSERT INTO tenancy.workshop_locations
            (organization_id, id, workshop_id, name, address, postal_code, city, federal_state, latitude, longitude, phone,
            opening_hours, is_primary, created_at, updated_at)
        SELECT w.organization_id, $3, w.id, $4, $5, $6, $7, $8, $9, $10, $11, $12,
            NOT EXISTS (
                SELECT FROM tenancy.workshop_locations l
                WHERE l.organization_id = w.organization_id AND l.workshop_id = w.id AND l.is_primary
            ), $13, $13
        FROM tenancy.workshops w
        WHERE w.organization_id = $1 AND w.id = $2
        RETURNING id, workshop_id, name, address, postal_code, city, federal_state, latitude, longitude, phone,
            opening_hours, is_primary, is_active, created_at, updated_at, revision
        """,
        tx.organization_id,
        workshop_id,
        new_id(),
        new.name,
        new.address,
        new.postal_code,
        new.city,
        federal_state,
        new.latitude,
        new.longitude,
        new.phone,
        new.opening_hours,
        now,
    )


async def update_location(tx: Tx, location: Location, now: datetime) -> Location:
    """Store every field that may change."""
    return await tx.one(
        Location,
        """
        UPDATE tenancy.workshop_locations
        SET name = $3, address = $4, postal_code = $5, city = $6, federal_state = $7, latitude = $8, longitude = $9,
            phone = $10, opening_hours = $11, is_primary = $12, is_active = $13, updated_at = $14, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, workshop_id, name, address, postal_code, city, federal_state, latitude, longitude, phone,
            opening_hours, is_primary, is_active, created_at, updated_at, revision
        """,
        tx.organization_id,
        location.id,
        location.name,
        location.address,
        location.postal_code,
        location.city,
        location.federal_state,
        location.latitude,
        location.longitude,
        location.phone,
        location.opening_hours,
        location.is_primary,
        location.is_active,
        now,
    )


async def mark_no_primary(tx: Tx, workshop_id: UUID, now: datetime) -> Location | None:
    """Let a workshop's primary location be one no more and return it, or None if there was none."""
    return await tx.first(
        Location,
        """
        UPDATE tenancy.workshop_locations
        SET is_primary = false, updated_at = $3, revision = revision + 1
        WHERE organization_id = $1 AND workshop_id = $2 AND is_primary
        RETURNING id, workshop_id, name, address, postal_code, city, federal_state, latitude, longitude, phone,
            opening_hours, is_primary, is_active, created_at, updated_at, revision
        """,
        tx.organization_id,
        workshop_id,
        now,
    )
