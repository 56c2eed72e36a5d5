"""Registrations."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from carbot_core.fields import Line
from carbot_tenancy.fields import EmailInput, Locale, Password, Token
from carbot_tenancy.organizations.models import LegalForm


class RegisteredOrganization(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The organisation, as the commercial register knows it."""

    legal_name: Line
    legal_form: LegalForm
    country: Literal["DE"] = "DE"


class Owner(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who registers it and will own it."""

    email: EmailInput
    password: Password
    name: Line
    locale: Locale = "de"


class NewRegistration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new organisation and its owner."""

    organization: RegisteredOrganization
    owner: Owner


class RegistrationTaken(msgspec.Struct, frozen=True):
    """A mail was sent to the address, whether it was known or not."""

    status: Literal["verification_sent"] = "verification_sent"


class Verification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The token of the link in the mail."""

    token: Token


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, until the address is proved."""

    id: UUID
    organization_id: UUID
    legal_name: str
    legal_form: LegalForm
    country: str
    email: str
    name: str
    locale: Locale
    password_hash: str
    created_at: datetime
    expires_at: datetime


class VerificationToken(msgspec.Struct, frozen=True):
    """What is stored of a token in a mail."""

    registration_id: UUID
    token_hash: str
    expires_at: datetime
