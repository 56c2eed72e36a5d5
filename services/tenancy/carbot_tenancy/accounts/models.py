"""Accounts."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from carbot_contracts.tenancy import OrganizationStatus, Role
from carbot_core.fields import Line
from carbot_tenancy.fields import EmailInput, Locale, Password, Token


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A user as the user sees it."""

    id: UUID
    email: str
    name: str
    locale: Locale
    second_factor: bool
    recovery_codes_left: int
    created_at: datetime
    revision: int


class Affiliation(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation that a user belongs to, and as what."""

    id: UUID
    name: str
    status: OrganizationStatus
    role: Role


class Profile(Account, frozen=True, kw_only=True):
    """An account with its organisations, first joined first."""

    organizations: list[Affiliation]


class AccountEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be different; what is left out stays."""

    name: Line | UnsetType = UNSET
    locale: Locale | UnsetType = UNSET


class PasswordChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The password as it is, and as it shall be."""

    current_password: Password
    new_password: Password


class ResetRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose password was forgotten."""

    email: EmailInput


class ResetTaken(msgspec.Struct, frozen=True):
    """If the address has an account, a mail with a link is on its way."""

    status: Literal["reset_requested"] = "reset_requested"


class Reset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The token of the link in the mail, and the new password."""

    token: Token
    password: Password


class EmailChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The new address."""

    email: EmailInput


class EmailChangeTaken(msgspec.Struct, frozen=True):
    """A mail with a link is on its way to the new address, and one that says so to the old."""

    status: Literal["confirmation_sent"] = "confirmation_sent"


class EmailConfirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The token of the link in the mail."""

    token: Token


class AccountToken(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a token in a mail."""

    id: UUID
    user_id: UUID
    token_hash: str
    new_email: str | None
    expires_at: datetime
