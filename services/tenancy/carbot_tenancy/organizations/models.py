"""Organisations."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from carbot_contracts.billing import SubscriptionStatus
from carbot_contracts.tenancy import OrganizationStatus
from carbot_core.fields import Line
from carbot_tenancy.fields import Locale

LegalForm = Literal["einzelunternehmen", "ek", "gbr", "egbr", "ohg", "kg", "gmbh", "ug", "gmbh_co_kg", "ag"]
"""Handelsrecht: sole trader, its registered form, partnerships, limited companies, stock corporation."""
Missing = Literal["register_court", "register_number", "vat_id_or_tax_number"]

RegisterNumber = Annotated[
    str, msgspec.Meta(min_length=1, max_length=40, examples=["HRB 12345 B"], description="HRA, HRB or GsR, then digits")
]
VatId = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=40, examples=["DE136695976"], description="The USt-IdNr: DE, nine digits"),
]
TaxNumber = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=40, examples=["181/815/08155"], description="The Steuernummer, never a Steuer-IdNr"
    ),
]
TimeZone = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=64, examples=["Europe/Berlin"], description="A name of the IANA database"),
]


class StoredOrganization(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation as it is stored, with the facts that decide its status."""

    id: UUID
    slug: str
    legal_name: str
    legal_form: LegalForm
    register_court: str | None
    register_number: str | None
    vat_id: str | None
    tax_number: str | None
    country: str
    locale: Locale
    time_zone: str
    status: OrganizationStatus
    subscription_status: SubscriptionStatus | None
    """What billing says; None until it has said anything."""
    subscription_version: int
    suspended_at: datetime | None
    """Since when the operator suspends it."""
    suspension_reason: str | None
    closing_since: datetime | None
    """Since when its owner closes it."""
    erased_at: datetime | None
    created_at: datetime
    revision: int


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation as its members see it; country is ISO 3166-1, `missing` what its legal form still needs."""

    id: UUID
    slug: str
    legal_name: str
    legal_form: LegalForm
    register_court: str | None
    register_number: str | None
    vat_id: str | None
    tax_number: str | None
    missing: list[Missing]
    country: str
    country_alpha3: str
    locale: Locale
    time_zone: str
    status: OrganizationStatus
    closing_since: datetime | None
    erasure_due_at: datetime | None
    created_at: datetime
    revision: int


class NewOrganization(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation whose owner proved the e-mail address."""

    legal_name: str
    legal_form: LegalForm
    country: str
    locale: str


class OrganizationEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be different; what is left out stays, null empties. Court and number of the register come together."""

    legal_name: Line | UnsetType = UNSET
    legal_form: LegalForm | UnsetType = UNSET
    register_court: Line | UnsetType | None = UNSET
    register_number: RegisterNumber | UnsetType | None = UNSET
    vat_id: VatId | UnsetType | None = UNSET
    tax_number: TaxNumber | UnsetType | None = UNSET
    locale: Locale | UnsetType = UNSET
    time_zone: TimeZone | UnsetType = UNSET


class Closing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An empty object."""
