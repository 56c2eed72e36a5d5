"""Workshops in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_tenancy.federal_states import FederalState
from carbot_tenancy.workshops.geography import EARTH_RADIUS_KM, Box
from carbot_tenancy.workshops.models import NearbyWorkshop, NewWorkshop, Workshop


async def list_workshops(tx: Tx, *, after: UUID | None, limit: int) -> list[Workshop]:
    """List workshops, oldest first."""
    return await tx.all(
        Workshop,
        """
        SELECT id, name, slug, business_type, address, postal_code, city, federal_state, municipality_key,
            country, latitude, longitude, phone, email, website, time_zone, is_active, is_master_workshop, created_at,
            updated_at, revision
        FROM tenancy.workshops
        WHERE organization_id = $1 AND ($2::uuid IS NULL OR id > $2)
        ORDER BY id
        LIMIT $3
        """,
        tx.organization_id,
        after,
        limit,
    )


async def list_nearby(tx: Tx, box: Box, *, latitude: float, longitude: float, radius_km: float) -> list[NearbyWorkshop]:
    """List the active workshops of a circle, nearest first: the box finds them, the great-circle distance decides."""
    return await tx.all(
        NearbyWorkshop,
        """
        SELECT id, name, round(distance_km::numeric, 3)::float8 AS distance_km
        FROM (
            SELECT id, name, 2 * $2::float8 * asin(LEAST(1, sqrt(
                sin(radians(latitude - $3::float8) / 2) ^ 2
                + cos(radians(latitude)) * cos(radians($3)) * sin(radians(longitude - $4::float8) / 2) ^ 2
            ))) AS distance_km
            FROM tenancy.workshops
            WHERE organization_id = $1 AND is_active
                AND latitude >= $5::float8 AND latitude <= $6::float8
                AND longitude >= $7::float8 AND longitude <= $8::float8
        ) boxed
        WHERE distance_km <= $9::float8
        ORDER BY boxed.distance_km, id
        LIMIT 100
        """,
        tx.organization_id,
        EARTH_RADIUS_KM,
        latitude,
        longitude,
        box.south,
        box.north,
        box.west,
        box.east,
        radius_km,
    )


async def find_workshop(tx: Tx, workshop_id: UUID) -> Workshop | None:
    return await tx.first(
        Workshop,
        """
        SELECT id, name, slug, business_type, address, postal_code, city, federal_state, municipality_key,
            country, latitude, longitude, phone, email, website, time_zone, is_active, is_master_workshop, created_at,
            updated_at, revision
        FROM tenancy.workshops
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        workshop_id,
    )


async def count_workshops(tx: Tx, workshop_ids: list[UUID]) -> int:
    """Count those of the workshops that the caller sees."""
    found = await tx.value(
        int,
        "SELECT count(*) FROM tenancy.workshops WHERE organization_id = $1 AND id = ANY ($2::uuid[])",
        tx.organization_id,
        workshop_ids,
    )
    return found or 0


async def lock_workshop(tx: Tx, workshop_id: UUID) -> Workshop | None:
    """Find a workshop and keep others from changing it until the transaction ends."""
    return await tx.first(
        Workshop,
        """
        SELECT id, name, slug, business_type, address, postal_code, city, federal_state, municipality_key,
            country, latitude, longitude, phone, email, website, time_zone, is_active, is_master_workshop, created_at,
            updated_at, revision
        FROM tenancy.workshops
        WHERE organization_id = $1 AND id = $2
        FOR UPDATE
        """,
        tx.organization_id,
        workshop_id,
    )


async def insert_workshop(tx: Tx, new: NewWorkshop, *, federal_state: FederalState, now: datetime) -> Workshop | None:
    """Insert a workshop, the master workshop if there is none, or return None if another one has the slug."""
    return await tx.first(
        Workshop,
        """
        INSERT INTO tenancy.workshops
            (organization_id, id, name, slug, business_type, address, postal_code, city, federal_state, municipality_key,
            country, latitude, longitude, phone, email, website, time_zone, is_master_workshop, created_at, updated_at)
        VALUES (
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
            NOT EXISTS (SELECT FROM tenancy.workshops WHERE organization_id = $1 AND is_master_workshop), $18, $18
        )
        ON CONFLICT (organization_id, slug) DO NOTHING
        RETURNING id, name, slug, business_type, address, postal_code, city, federal_state, municipality_key,
            country, latitude, longitude, phone, email, website, time_zone, is_active, is_master_workshop, created_at,
            updated_at, revision
        """,
        tx.organization_id,
        new_id(),
        new.name,
        new.slug,
        new.business_type,
        new.address,
        new.postal_code,
        new.city,
        federal_state,
        new.municipality_key,
        new.country,
        new.latitude,
        new.longitude,
        new.phone,
        new.email,
        new.website,
        new.time_zone,
        now,
    )


async def update_workshop(tx: Tx, workshop: Workshop, now: datetime) -> Workshop:
    """Store every field that may change; raise ConstraintViolated if another workshop has the slug."""
    return await tx.one(
        Workshop,
        """
        UPDATE tenancy.workshops
        SET name = $3, slug = $4, business_type = $5, address = $6, postal_code = $7, city = $8, federal_state = $9,
            municipality_key = $10, latitude = $11, longitude = $12, phone = $13, email = $14, website = $15,
            time_zone = $16, is_active = $17, is_master_workshop = $18, updated_at = $19, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, name, slug, business_type, address, postal_code, city, federal_state, municipality_key,
            country, latitude, longitude, phone, email, website, time_zone, is_active, is_master_workshop, created_at,
            updated_at, revision
        """,
        tx.organization_id,
        workshop.id,
        workshop.name,
        workshop.slug,
        workshop.business_type,
        workshop.address,
        workshop.postal_code,
        workshop.city,
        workshop.federal_state,
        workshop.municipality_key,
        workshop.latitude,
        workshop.longitude,
        workshop.phone,
        workshop.email,
        workshop.website,
        workshop.time_zone,
        workshop.is_active,
        workshop.is_master_workshop,
        now,
    )


async def mark_no_master(tx: Tx, now: datetime) -> Workshop | None:
    """Let the master workshop be one no more and return it, or None if there was none."""
    return await tx.first(
        Workshop,
        """
        UPDATE tenancy.workshops
        SET is_master_workshop = false, updated_at = $2, revision = revision + 1
        WHERE organization_id = $1 AND is_master_workshop
        RETURNING id, name, slug, business_type, address, postal_code, city, federal_state, municipality_key,
            country, latitude, longitude, phone, email, website, time_zone, is_active, is_master_workshop, created_at,
            updated_at, revision
        """,
        tx.organization_id,
        now,
    )
