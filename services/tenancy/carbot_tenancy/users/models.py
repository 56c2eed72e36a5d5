"""A user, as signing in sees one."""

from typing import Literal
from uuid import UUID

import msgspec


class User(msgspec.Struct, frozen=True):
    """Who somebody is, and what is stored of the password."""

    id: UUID
    password_hash: str
    status: Literal["active", "locked"]


class NewUser(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who proved the e-mail address."""

    email: str
    name: str
    password_hash: str
    locale: str
