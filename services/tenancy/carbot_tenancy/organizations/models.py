"""Organisations."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from carbot_contracts.tenancy import OrganizationStatus

LegalForm = Literal["einzelunternehmen", "ek", "gbr", "egbr", "ohg", "kg", "gmbh", "ug", "gmbh_co_kg", "ag"]
"""Handelsrecht: sole trader, its registered form, partnerships, limited companies, stock corporation."""


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation as its members see it."""

    id: UUID
    slug: str
    legal_name: str
    legal_form: LegalForm
    country: str
    locale: str
    time_zone: str
    status: OrganizationStatus
    created_at: datetime
    revision: int


class NewOrganization(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation whose owner proved the e-mail address."""

    legal_name: str
    legal_form: LegalForm
    country: str
    locale: str


class Closing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An empty object."""
