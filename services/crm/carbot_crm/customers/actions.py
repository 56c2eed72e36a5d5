"""What can be done with customers."""

import re
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET

from carbot_contracts.crm import CustomerCreated
from carbot_core import outbox
from carbot_core.db import Tx
from carbot_core.errors import Conflict, FieldError, Invalid, NotFound, PreconditionFailed
from carbot_core.fields import normalize_email, normalize_phone
from carbot_crm.customers import queries
from carbot_crm.customers.models import Customer, CustomerEdit, NewCustomer, Source

_POSTAL_CODES = {"DE": re.compile(r"\d{5}"), "AT": re.compile(r"\d{4}"), "CH": re.compile(r"\d{4}")}


class CustomerNotFound(NotFound):
    """There is no such customer."""


class WorkshopNotFound(NotFound):
    """There is no such workshop."""


class NameMissing(Invalid):
    """A person needs a last name, a company the company's name."""


class InvalidPostalCode(Invalid):
    """The country has no such postal code: five digits in Germany, four in Austria and Switzerland."""


class CustomerMerged(Conflict):
    """This customer was merged into another one: see merged_into."""


async def create_customer(tx: Tx, new: NewCustomer, source: Source, now: datetime) -> Customer:
    """Store a customer and announce it; raise NameMissing, InvalidPhone, InvalidPostalCode, WorkshopNotFound."""
    new = complete(new)
    customer = await queries.insert_customer(tx, new, source, now)
    if customer is None:
        raise WorkshopNotFound(workshop=new.workshop_id)
    created = CustomerCreated(customer_id=customer.id, workshop_id=customer.workshop_id)
    await outbox.add(tx, created, version=customer.revision)
    await outbox.add(tx, queries.state_of(customer), version=customer.revision)
    return customer


def complete(new: NewCustomer) -> NewCustomer:
    """Return what is to be stored of it; raise NameMissing, InvalidPhone, InvalidPostalCode."""
    new = msgspec.structs.replace(
        new,
        phone=normalize_phone(new.phone, region=new.country) if new.phone else None,
        email=normalize_email(new.email) if new.email else None,
    )
    _refuse_incomplete(new)
    return new


async def edit_customer(tx: Tx, customer_id: UUID, revision: int, edit: CustomerEdit, *, now: datetime) -> Customer:
    """Change a customer as the caller last saw it; raise what create_customer raises, CustomerNotFound, CustomerMerged."""
    customer = await locked_customer(tx, customer_id)
    if revision != customer.revision:
        raise PreconditionFailed(customer=customer_id)
    changes = {name: value for name in edit.__struct_fields__ if (value := getattr(edit, name)) is not UNSET}
    if changes.get("phone"):
        changes["phone"] = normalize_phone(changes["phone"], region=changes.get("country", customer.country))
    if changes.get("email"):
        changes["email"] = normalize_email(changes["email"])
    customer = msgspec.structs.replace(customer, **changes)
    _refuse_incomplete(customer)
    customer = await queries.update_customer(tx, customer, now)
    await outbox.add(tx, queries.state_of(customer), version=customer.revision)
    return customer


async def locked_customer(tx: Tx, customer_id: UUID) -> Customer:
    """Return a customer that nobody else changes until the transaction ends; raise CustomerNotFound, CustomerMerged."""
    customer = await queries.lock_customer(tx, customer_id)
    if customer is None:
        raise CustomerNotFound(customer=customer_id)
    if customer.merged_into is not None:
        raise CustomerMerged(public={"merged_into": str(customer.merged_into)}, customer=customer_id)
    return customer


def _refuse_incomplete(customer: Customer | NewCustomer) -> None:
    needed = "company" if customer.kind == "company" else "last_name"
    if getattr(customer, needed) is None:
        raise NameMissing(errors=(FieldError(f"/{needed}", NameMissing.sentence()),))
    form = _POSTAL_CODES.get(customer.country)
    if customer.postal_code is not None and form is not None and not form.fullmatch(customer.postal_code):
        raise InvalidPostalCode(errors=(FieldError("/postal_code", InvalidPostalCode.sentence()),))
