"""Builders of customers and their vehicles, as crm stores them."""

from typing import Any
from uuid import UUID

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.ids import new_id


async def store_customer(database: Database, organization_id: UUID, **changes: Any) -> UUID:
    """Store a customer as crm's api does; return the id."""
    customer_id = new_id()
    values = {"email": f"customer-{customer_id.hex}@example.org", "phone": None, "workshop_id": None, "language": "de"}
    values |= {"first_name": "Ayşe", "last_name": "Demir", **changes}
    async with database.transaction(Context(organization_id=organization_id)) as tx:
        await tx.execute(
            """
            INSERT INTO crm.customers
                (organization_id, id, workshop_id, kind, first_name, last_name, email, phone, language, source, created_at,
                updated_at)
            VALUES ($1, $2, $3, 'person', $4, $5, $6, $7, $8, 'staff', now(), now())
            """,
            organization_id,
            customer_id,
            values["workshop_id"],
            values["first_name"],
            values["last_name"],
            values["email"],
            values["phone"],
            values["language"],
        )
    return customer_id


async def store_vehicle(database: Database, organization_id: UUID) -> UUID:
    """Store a Golf as crm's api does; return the id."""
    vehicle_id = new_id()
    async with database.transaction(Context(organization_id=organization_id)) as tx:
        await tx.execute(
            """
            INSERT INTO crm.customer_vehicles
                (organization_id, id, plate, make, model, vehicle_class, created_at, updated_at)
            VALUES ($1, $2, 'B-CB 1234', 'VW', 'Golf', 'car', now(), now())
            """,
            organization_id,
            vehicle_id,
        )
    return vehicle_id
