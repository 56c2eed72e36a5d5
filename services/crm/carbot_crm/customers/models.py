"""What a customer is, on the wire and in its row."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from carbot_core.fields import Email, Line, Phone, Text

Kind = Literal["person", "company"]
Language = Literal["de", "en", "tr", "pl"]
Source = Literal["staff", "lead", "chat", "booking", "import"]
Country = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}$(?!\n)", description="ISO 3166-1 alpha-2", examples=["DE"])]
PostalCode = Annotated[
    str, msgspec.Meta(min_length=2, max_length=10, pattern=r"^[0-9A-Za-z -]+$(?!\n)", examples=["10115"])
]


class NewCustomer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A person needs a last name, a company its own; without a workshop every member of the organisation sees the customer."""

    kind: Kind = "person"
    workshop_id: UUID | None = None
    first_name: Line | None = None
    last_name: Line | None = None
    company: Line | None = None
    email: Email | None = None
    phone: Phone | None = None
    street: Line | None = None
    postal_code: PostalCode | None = None
    city: Line | None = None
    country: Country = "DE"
    language: Language = "de"
    note: Text | None = None


class CustomerEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be different; what is left out stays."""

    kind: Kind | UnsetType = UNSET
    first_name: Line | UnsetType | None = UNSET
    last_name: Line | UnsetType | None = UNSET
    company: Line | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    phone: Phone | UnsetType | None = UNSET
    street: Line | UnsetType | None = UNSET
    postal_code: PostalCode | UnsetType | None = UNSET
    city: Line | UnsetType | None = UNSET
    country: Country | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    note: Text | UnsetType | None = UNSET


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """A customer as the workshop sees it; `merged_into` names who is asked instead of a merged one."""

    id: UUID
    workshop_id: UUID | None
    kind: Kind
    first_name: str | None
    last_name: str | None
    company: str | None
    email: str | None
    phone: str | None
    street: str | None
    postal_code: str | None
    city: str | None
    country: str
    language: Language
    note: str | None
    source: Source
    merged_into: UUID | None
    restricted_at: datetime | None
    restricted_until: date | None
    created_at: datetime
    updated_at: datetime
    revision: int


class CustomerPosition(msgspec.Struct, frozen=True):
    """After which customer a page goes on."""

    created_at: datetime
    id: UUID
