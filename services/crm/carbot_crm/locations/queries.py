"""Locations in SQL."""

from uuid import UUID

from carbot_contracts.tenancy import LocationChanged
from carbot_core.db import Tx
from carbot_crm.locations.models import Location


async def save_location(tx: Tx, event: LocationChanged, version: int) -> None:
    """Take over the location's state if it is newer than what is known."""
    await tx.execute(
        """
        INSERT INTO crm.workshop_locations
            (organization_id, id, workshop_id, name, address, postal_code, city, phone, opening_hours, is_primary,
            is_active, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (organization_id, id) DO UPDATE
        SET name = EXCLUDED.name, address = EXCLUDED.address, postal_code = EXCLUDED.postal_code, city = EXCLUDED.city,
            phone = EXCLUDED.phone, opening_hours = EXCLUDED.opening_hours, is_primary = EXCLUDED.is_primary,
            is_active = EXCLUDED.is_active, version = EXCLUDED.version
        WHERE workshop_locations.version < EXCLUDED.version
        """,
        tx.organization_id,
        event.location_id,
        event.workshop_id,
        event.name,
        event.address,
        event.postal_code,
        event.city,
        event.phone,
        event.opening_hours,
        event.is_primary,
        event.is_active,
        version,
    )


async def list_locations(tx: Tx, workshop_id: UUID) -> list[Location]:
    """List a workshop's active locations, the primary one first."""
    return await tx.all(
        Location,
        """
        SELECT name, address, postal_code, city, phone, opening_hours
        FROM crm.workshop_locations
        WHERE organization_id = $1 AND workshop_id = $2 AND is_active
        ORDER BY is_primary DESC, name
        """,
        tx.organization_id,
        workshop_id,
    )
