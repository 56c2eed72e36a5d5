"""A user, as signing in sees one."""

from typing import Literal
from uuid import UUID

import msgspec

from carbot_tenancy.fields import Locale


class User(msgspec.Struct, frozen=True):
    """Who somebody is, and what is stored of the password and of the authenticator."""

    id: UUID
    password_hash: str
    status: Literal["active", "locked"]
    factor_id: UUID | None
    factor_secret: bytes | None


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """A user as mails address one."""

    id: UUID
    email: str
    name: str
    locale: Locale
    second_factor: bool


class NewUser(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who proved the e-mail address."""

    email: str
    name: str
    password_hash: str
    locale: str
