"""Vehicles in SQL."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from carbot_contracts.crm import VehicleChanged
from carbot_contracts.event import Event
from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_crm.vehicles.models import (
    NewReading,
    NewVehicle,
    Ownership,
    Reading,
    ReadingPosition,
    Vehicle,
    VehiclePosition,
)


async def list_vehicles(
    tx: Tx, *, workshop_id: UUID | None, after: VehiclePosition | None, limit: int
) -> list[Vehicle]:
    """List vehicles, newest first."""
    return await tx.all(
        Vehicle,
        """
        SELECT v.id, v.workshop_id, o.customer_id, o.starts_on AS owned_since, v.vin, v.plate, v.season_from,
            v.season_to, v.hsn, v.tsn, v.make, v.model, v.first_registration, v.fuel, v.vehicle_class, v.mileage,
            v.mileage_read_on, v.last_hu_on, v.tuv_expiry, v.is_active, v.note, v.created_at, v.updated_at, v.revision
        FROM crm.customer_vehicles v
        LEFT JOIN crm.vehicle_ownerships o
            ON o.organization_id = v.organization_id AND o.vehicle_id = v.id AND o.ends_on IS NULL
        WHERE v.organization_id = $1
            AND ($2::uuid IS NULL OR v.workshop_id = $2)
            AND ($3::timestamptz IS NULL OR (v.created_at, v.id) < ($3, $4::uuid))
        ORDER BY v.created_at DESC, v.id DESC
        LIMIT $5
        """,
        tx.organization_id,
        workshop_id,
        after.created_at if after else None,
        after.id if after else None,
        limit,
    )


async def list_vehicles_of_customer(
    tx: Tx, customer_id: UUID, *, after: VehiclePosition | None, limit: int
) -> list[Vehicle]:
    """List the vehicles that are a customer's now, newest first."""
    return await tx.all(
        Vehicle,
        """
        SELECT v.id, v.workshop_id, o.customer_id, o.starts_on AS owned_since, v.vin, v.plate, v.season_from,
            v.season_to, v.hsn, v.tsn, v.make, v.model, v.first_registration, v.fuel, v.vehicle_class, v.mileage,
            v.mileage_read_on, v.last_hu_on, v.tuv_expiry, v.is_active, v.note, v.created_at, v.updated_at, v.revision
        FROM crm.vehicle_ownerships o
        JOIN crm.customer_vehicles v ON v.organization_id = o.organization_id AND v.id = o.vehicle_id
        WHERE o.organization_id = $1 AND o.customer_id = $2 AND o.ends_on IS NULL
            AND ($3::timestamptz IS NULL OR (v.created_at, v.id) < ($3, $4::uuid))
        ORDER BY v.created_at DESC, v.id DESC
        LIMIT $5
        """,
        tx.organization_id,
        customer_id,
        after.created_at if after else None,
        after.id if after else None,
        limit,
    )


async def find_vehicle(tx: Tx, vehicle_id: UUID) -> Vehicle | None:
    return await tx.first(
        Vehicle,
        """
        SELECT v.id, v.workshop_id, o.customer_id, o.starts_on AS owned_since, v.vin, v.plate, v.season_from,
            v.season_to, v.hsn, v.tsn, v.make, v.model, v.first_registration, v.fuel, v.vehicle_class, v.mileage,
            v.mileage_read_on, v.last_hu_on, v.tuv_expiry, v.is_active, v.note, v.created_at, v.updated_at, v.revision
        FROM crm.customer_vehicles v
        LEFT JOIN crm.vehicle_ownerships o
            ON o.organization_id = v.organization_id AND o.vehicle_id = v.id AND o.ends_on IS NULL
        WHERE v.organization_id = $1 AND v.id = $2
        """,
        tx.organization_id,
        vehicle_id,
    )


async def lock_vehicle(tx: Tx, vehicle_id: UUID) -> Vehicle | None:
    """Find a vehicle and keep others from changing it until the transaction ends."""
    return await tx.first(
        Vehicle,
        """
        SELECT v.id, v.workshop_id, o.customer_id, o.starts_on AS owned_since, v.vin, v.plate, v.season_from,
            v.season_to, v.hsn, v.tsn, v.make, v.model, v.first_registration, v.fuel, v.vehicle_class, v.mileage,
            v.mileage_read_on, v.last_hu_on, v.tuv_expiry, v.is_active, v.note, v.created_at, v.updated_at, v.revision
        FROM crm.customer_vehicles v
        LEFT JOIN crm.vehicle_ownerships o
            ON o.organization_id = v.organization_id AND o.vehicle_id = v.id AND o.ends_on IS NULL
        WHERE v.organization_id = $1 AND v.id = $2
        FOR UPDATE OF v
        """,
        tx.organization_id,
        vehicle_id,
    )


async def insert_vehicle(tx: Tx, new: NewVehicle, now: datetime) -> Vehicle | None:
    """Insert a vehicle without an owner, or return None if the caller sees no such workshop."""
    return await tx.first(
        Vehicle,
        """
        INSERT INTO crm.customer_vehicles AS v
            (organization_id, id, workshop_id, vin, plate, season_from, season_to, hsn, tsn, make, model,
            first_registration, fuel, vehicle_class, mileage, mileage_read_on, last_hu_on, note, created_at, updated_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
            CASE WHEN $15::int IS NOT NULL THEN $16::timestamptz::date END, $17, $18, $16, $16
        WHERE $3::uuid IS NULL
            OR EXISTS (SELECT FROM crm.workshops WHERE organization_id = $1 AND id = $3 AND is_active)
        RETURNING v.id, v.workshop_id, NULL::uuid AS customer_id, NULL::date AS owned_since, v.vin, v.plate, v.season_from,
            v.season_to, v.hsn, v.tsn, v.make, v.model, v.first_registration, v.fuel, v.vehicle_class, v.mileage,
            v.mileage_read_on, v.last_hu_on, v.tuv_expiry, v.is_active, v.note, v.created_at, v.updated_at, v.revision
        """,
        tx.organization_id,
        new_id(),
        new.workshop_id,
        new.vin,
        new.plate,
        new.season_from,
        new.season_to,
        new.hsn,
        new.tsn,
        new.make,
        new.model,
        new.first_registration,
        new.fuel,
        new.vehicle_class,
        new.mileage,
        now,
        new.last_hu_on,
        new.note,
    )


async def update_vehicle(tx: Tx, vehicle: Vehicle, now: datetime) -> Vehicle:
    """Store a vehicle that was locked; whose it is stays."""
    return await tx.one(
        Vehicle,
        """
        UPDATE crm.customer_vehicles v
        SET vin = $3, plate = $4, season_from = $5, season_to = $6, hsn = $7, tsn = $8, make = $9, model = $10,
            first_registration = $11, fuel = $12, vehicle_class = $13, mileage = $14, mileage_read_on = $15,
            last_hu_on = $16, tuv_expiry = $17, is_active = $18, note = $19, updated_at = $20, revision = revision + 1
        WHERE v.organization_id = $1 AND v.id = $2
        RETURNING v.id, v.workshop_id, $21::uuid AS customer_id, $22::date AS owned_since, v.vin, v.plate, v.season_from,
            v.season_to, v.hsn, v.tsn, v.make, v.model, v.first_registration, v.fuel, v.vehicle_class, v.mileage,
            v.mileage_read_on, v.last_hu_on, v.tuv_expiry, v.is_active, v.note, v.created_at, v.updated_at, v.revision
        """,
        tx.organization_id,
        vehicle.id,
        vehicle.vin,
        vehicle.plate,
        vehicle.season_from,
        vehicle.season_to,
        vehicle.hsn,
        vehicle.tsn,
        vehicle.make,
        vehicle.model,
        vehicle.first_registration,
        vehicle.fuel,
        vehicle.vehicle_class,
        vehicle.mileage,
        vehicle.mileage_read_on,
        vehicle.last_hu_on,
        vehicle.tuv_expiry,
        vehicle.is_active,
        vehicle.note,
        now,
        vehicle.customer_id,
        vehicle.owned_since,
    )


async def insert_ownership(
    tx: Tx, vehicle_id: UUID, customer_id: UUID, starts_on: date, now: datetime
) -> Ownership | None:
    """Let a vehicle be a customer's from a day on, or return None if the caller sees no such customer."""
    return await tx.first(
        Ownership,
        """
        INSERT INTO crm.vehicle_ownerships
            (organization_id, id, vehicle_id, customer_id, workshop_id, starts_on, created_at, updated_at)
        SELECT v.organization_id, $2, v.id, c.id, v.workshop_id, $5, $6, $6
        FROM crm.customer_vehicles v
        JOIN crm.customers c ON c.organization_id = v.organization_id AND c.id = $4 AND c.merged_into IS NULL
        WHERE v.organization_id = $1 AND v.id = $3
        RETURNING id, customer_id, starts_on, ends_on
        """,
        tx.organization_id,
        new_id(),
        vehicle_id,
        customer_id,
        starts_on,
        now,
    )


async def update_ownership_end(tx: Tx, vehicle_id: UUID, ends_on: date, now: datetime) -> int:
    """End the present ownership of a vehicle; return how many there were, 0 or 1."""
    return await tx.execute(
        """
        UPDATE crm.vehicle_ownerships
        SET ends_on = $3, updated_at = $4, revision = revision + 1
        WHERE organization_id = $1 AND vehicle_id = $2 AND ends_on IS NULL
        """,
        tx.organization_id,
        vehicle_id,
        ends_on,
        now,
    )


async def list_ownerships(tx: Tx, vehicle_id: UUID) -> list[Ownership]:
    """List who owned a vehicle when, the last first."""
    return await tx.all(
        Ownership,
        """
        SELECT id, customer_id, starts_on, ends_on
        FROM crm.vehicle_ownerships
        WHERE organization_id = $1 AND vehicle_id = $2
        ORDER BY starts_on DESC
        """,
        tx.organization_id,
        vehicle_id,
    )


async def insert_reading(tx: Tx, vehicle_id: UUID, new: NewReading, now: datetime) -> Reading:
    """Insert what the odometer of a vehicle that was locked showed."""
    return await tx.one(
        Reading,
        """
        INSERT INTO crm.mileage_readings
            (organization_id, id, vehicle_id, workshop_id, read_on, kilometres, reason, author_id, created_at)
        SELECT v.organization_id, $2, v.id, v.workshop_id, $4, $5, $6, $7, $8
        FROM crm.customer_vehicles v
        WHERE v.organization_id = $1 AND v.id = $3
        RETURNING id, kilometres, read_on, reason, author_id, created_at
        """,
        tx.organization_id,
        new_id(),
        vehicle_id,
        new.read_on,
        new.kilometres,
        new.reason,
        tx.context.user_id,
        now,
    )


async def list_readings(tx: Tx, vehicle_id: UUID, *, after: ReadingPosition | None, limit: int) -> list[Reading]:
    """List what the odometer showed, newest first."""
    return await tx.all(
        Reading,
        """
        SELECT id, kilometres, read_on, reason, author_id, created_at
        FROM crm.mileage_readings
        WHERE organization_id = $1 AND vehicle_id = $2
            AND ($3::date IS NULL OR (read_on, id) < ($3, $4::uuid))
        ORDER BY read_on DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        vehicle_id,
        after.read_on if after else None,
        after.id if after else None,
        limit,
    )


class VehicleState(msgspec.Struct, frozen=True):
    """What others know of a vehicle."""

    vehicle_id: UUID
    workshop_id: UUID | None
    customer_id: UUID | None
    vehicle_class: str
    is_active: bool
    revision: int


async def list_vehicle_states(tx: Tx, after: UUID | None, limit: int) -> list[tuple[Event, int]]:
    """List the present state of every vehicle as its event, each with its version, in the order of their ids."""
    rows = await tx.all(
        VehicleState,
        """
        SELECT v.id AS vehicle_id, v.workshop_id, o.customer_id, v.vehicle_class, v.is_active, v.revision
        FROM crm.customer_vehicles v
        LEFT JOIN crm.vehicle_ownerships o
            ON o.organization_id = v.organization_id AND o.vehicle_id = v.id AND o.ends_on IS NULL
        WHERE v.organization_id = $1 AND ($2::uuid IS NULL OR v.id > $2)
        ORDER BY v.id
        LIMIT $3
        """,
        tx.organization_id,
        after,
        limit,
    )
    return [(_state(row), row.revision) for row in rows]


def _state(row: VehicleState) -> VehicleChanged:
    return VehicleChanged(
        vehicle_id=row.vehicle_id,
        workshop_id=row.workshop_id,
        customer_id=row.customer_id,
        vehicle_class=row.vehicle_class,
        is_active=row.is_active,
    )


def state_of(vehicle: Vehicle) -> VehicleChanged:
    """Return what others know of this vehicle."""
    return VehicleChanged(
        vehicle_id=vehicle.id,
        workshop_id=vehicle.workshop_id,
        customer_id=vehicle.customer_id,
        vehicle_class=vehicle.vehicle_class,
        is_active=vehicle.is_active,
    )
