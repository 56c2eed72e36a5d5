"""Customers in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_contracts.crm import CustomerChanged
from carbot_contracts.event import Event
from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_crm.customers.models import Customer, CustomerPosition, NewCustomer, Source

_WRITTEN = (
    "first_name",
    "last_name",
    "company",
    "email",
    "phone",
    "street",
    "postal_code",
    "city",
    "country",
    "language",
    "note",
)
_INSERTED = ("id", "workshop_id", "kind", *_WRITTEN, "source", "created_at")


async def list_customers(
    tx: Tx, *, workshop_id: UUID | None, after: CustomerPosition | None, limit: int
) -> list[Customer]:
    """List the customers that were not merged into others, newest first."""
    return await tx.all(
        Customer,
        """
        SELECT id, workshop_id, kind, first_name, last_name, company, email, phone, street, postal_code, city, country,
            language, note, source, merged_into, restricted_at, restricted_until, created_at, updated_at, revision
        FROM crm.customers
        WHERE organization_id = $1 AND merged_into IS NULL
            AND ($2::uuid IS NULL OR workshop_id = $2)
            AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
        ORDER BY created_at DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        workshop_id,
        after.created_at if after else None,
        after.id if after else None,
        limit,
    )


async def find_customer(tx: Tx, customer_id: UUID) -> Customer | None:
    return await tx.first(
        Customer,
        """
        SELECT id, workshop_id, kind, first_name, last_name, company, email, phone, street, postal_code, city, country,
            language, note, source, merged_into, restricted_at, restricted_until, created_at, updated_at, revision
        FROM crm.customers
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        customer_id,
    )


async def lock_customer(tx: Tx, customer_id: UUID) -> Customer | None:
    """Find a customer and keep others from changing it until the transaction ends."""
    return await tx.first(
        Customer,
        """
        SELECT id, workshop_id, kind, first_name, last_name, company, email, phone, street, postal_code, city, country,
            language, note, source, merged_into, restricted_at, restricted_until, created_at, updated_at, revision
        FROM crm.customers
        WHERE organization_id = $1 AND id = $2
        FOR UPDATE
        """,
        tx.organization_id,
        customer_id,
    )


async def insert_customer(tx: Tx, new: NewCustomer, source: Source, now: datetime) -> Customer | None:
    """Insert a customer, or return None if the caller sees no such workshop."""
    return await tx.first(
        Customer,
        """
        INSERT INTO crm.customers
            (organization_id, id, workshop_id, kind, first_name, last_name, company, email, phone, street, postal_code,
            city, country, language, note, source, created_at, updated_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17
        WHERE $3::uuid IS NULL
            OR EXISTS (SELECT FROM crm.workshops WHERE organization_id = $1 AND id = $3 AND is_active)
        RETURNING id, workshop_id, kind, first_name, last_name, company, email, phone, street, postal_code, city, country,
            language, note, source, merged_into, restricted_at, restricted_until, created_at, updated_at, revision
        """,
        tx.organization_id,
        new_id(),
        new.workshop_id,
        new.kind,
        new.first_name,
        new.last_name,
        new.company,
        new.email,
        new.phone,
        new.street,
        new.postal_code,
        new.city,
        new.country,
        new.language,
        new.note,
        source,
        now,
    )


async def update_customer(tx: Tx, customer: Customer, now: datetime) -> Customer:
    """Store a customer that was locked."""
    return await tx.one(
        Customer,
        """
        UPDATE crm.customers
        SET kind = $3, first_name = $4, last_name = $5, company = $6, email = $7, phone = $8, street = $9,
            postal_code = $10, city = $11, country = $12, language = $13, note = $14, updated_at = $15,
            revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, workshop_id, kind, first_name, last_name, company, email, phone, street, postal_code, city, country,
            language, note, source, merged_into, restricted_at, restricted_until, created_at, updated_at, revision
        """,
        tx.organization_id,
        customer.id,
        customer.kind,
        customer.first_name,
        customer.last_name,
        customer.company,
        customer.email,
        customer.phone,
        customer.street,
        customer.postal_code,
        customer.city,
        customer.country,
        customer.language,
        customer.note,
        now,
    )


async def lock_known(tx: Tx, *, workshop_id: UUID | None, emails: list[str], phones: list[str]) -> list[Customer]:
    """Lock the customers of a workshop, and those of none, who have one of these addresses or numbers."""
    return await tx.all(
        Customer,
        """
        SELECT id, workshop_id, kind, first_name, last_name, company, email, phone, street, postal_code, city, country,
            language, note, source, merged_into, restricted_at, restricted_until, created_at, updated_at, revision
        FROM crm.customers
        WHERE organization_id = $1 AND merged_into IS NULL AND (workshop_id IS NULL OR workshop_id = $2)
            AND (email = ANY ($3::text[]) OR phone = ANY ($4::text[]))
        ORDER BY id
        FOR UPDATE
        """,
        tx.organization_id,
        workshop_id,
        emails,
        phones,
    )


async def lock_at_places(tx: Tx, *, workshop_id: UUID | None, postal_codes: list[str]) -> list[Customer]:
    """Lock the customers of a workshop, and those of none, who live at one of these postal codes."""
    return await tx.all(
        Customer,
        """
        SELECT id, workshop_id, kind, first_name, last_name, company, email, phone, street, postal_code, city, country,
            language, note, source, merged_into, restricted_at, restricted_until, created_at, updated_at, revision
        FROM crm.customers
        WHERE organization_id = $1 AND merged_into IS NULL AND (workshop_id IS NULL OR workshop_id = $2)
            AND postal_code = ANY ($3::text[])
        ORDER BY id
        FOR UPDATE
        """,
        tx.organization_id,
        workshop_id,
        postal_codes,
    )


async def insert_customers(tx: Tx, made: list[Customer]) -> None:
    """Insert customers as they are."""
    await tx.execute(
        """
        INSERT INTO crm.customers
            (organization_id, id, workshop_id, kind, first_name, last_name, company, email, phone, street, postal_code,
            city, country, language, note, source, created_at, updated_at)
        SELECT $1, id, workshop_id, kind, first_name, last_name, company, email, phone, street, postal_code, city, country,
            language, note, source, created_at, created_at
        FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::timestamptz[])
            AS made (id, workshop_id, kind, first_name, last_name, company, email, phone, street, postal_code, city, country,
            language, note, source, created_at)
        """,
        tx.organization_id,
        *([getattr(each, column) for each in made] for column in _INSERTED),
    )


async def update_customers(tx: Tx, changed: list[Customer], now: datetime) -> None:
    """Store customers that were locked."""
    await tx.execute(
        """
        UPDATE crm.customers c
        SET first_name = n.first_name, last_name = n.last_name, company = n.company, email = n.email, phone = n.phone,
            street = n.street, postal_code = n.postal_code, city = n.city, country = n.country, language = n.language,
            note = n.note, updated_at = $2, revision = c.revision + 1
        FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
            $11::text[], $12::text[], $13::text[], $14::text[])
            AS n (id, first_name, last_name, company, email, phone, street, postal_code, city, country, language, note)
        WHERE c.organization_id = $1 AND c.id = n.id
        """,
        tx.organization_id,
        now,
        *([getattr(each, column) for each in changed] for column in ("id", *_WRITTEN)),
    )


async def list_customer_states(tx: Tx, after: UUID | None, limit: int) -> list[tuple[Event, int]]:
    """List the present state of every customer as its event, each with its version, in the order of their ids."""
    customers = await tx.all(
        Customer,
        """
        SELECT id, workshop_id, kind, first_name, last_name, company, email, phone, street, postal_code, city, country,
            language, note, source, merged_into, restricted_at, restricted_until, created_at, updated_at, revision
        FROM crm.customers
        WHERE organization_id = $1 AND ($2::uuid IS NULL OR id > $2)
        ORDER BY id
        LIMIT $3
        """,
        tx.organization_id,
        after,
        limit,
    )
    return [(state_of(customer), customer.revision) for customer in customers]


def state_of(customer: Customer) -> CustomerChanged:
    return CustomerChanged(
        customer_id=customer.id,
        workshop_id=customer.workshop_id,
        kind=customer.kind,
        language=customer.language,
        merged_into=customer.merged_into,
        is_restricted=customer.restricted_at is not None,
    )
