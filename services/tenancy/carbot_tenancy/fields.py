"""Field types and rules that several slices share."""

import re
import zoneinfo
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import idna
import msgspec

from carbot_core import fields
from carbot_core.errors import FieldError, Invalid

EmailInput = Annotated[str, msgspec.Meta(min_length=3, max_length=254, description="An e-mail address")]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=128, description="8 to 128 characters")]
"""Bounded here so that nobody makes us hash a book; `passwords.refuse_weak` says what a new one must be."""
Token = Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="The token of the link in a mail")]
Slug = Annotated[str, msgspec.Meta(max_length=63, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$(?!\n)")]
TimeZone = Annotated[
    str, msgspec.Meta(max_length=64, description="A time zone of the IANA database", examples=["Europe/Berlin"])
]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
WorkshopIds = Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=200)]
Locale = Literal["de", "en"]

# The dot-atom of RFC 5321: nothing that a mail's header could read as more than one address.
_LOCAL_PART = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LONGEST_LOCAL_PART = 64
_LONGEST_ADDRESS = 254
# Names of regions alone: what else there is, such as EST or localtime, is kept for old machines or is the server's own.
_TIME_ZONES = frozenset(name for name in zoneinfo.available_timezones() if "/" in name) | {"UTC"}


class InvalidEmail(Invalid):
    """This is no e-mail address."""


class UnknownTimeZone(Invalid):
    """There is no such time zone: take a name of the IANA database, for example Europe/Berlin."""


def read_email(text: str) -> str | None:
    """Return the address as it is compared and stored, its domain in ASCII (RFC 5891), or None if it is none."""
    local_part, _, domain = fields.normalize_email(text).partition("@")
    try:
        address = f"{local_part}@{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError:
        return None
    if not _LOCAL_PART.fullmatch(local_part) or "." not in domain:
        return None
    return address if len(local_part) <= _LONGEST_LOCAL_PART and len(address) <= _LONGEST_ADDRESS else None


def require_email(text: str, pointer: str) -> str:
    """Return the address as it is compared and stored; raise InvalidEmail."""
    address = read_email(text)
    if address is None:
        raise InvalidEmail(errors=(FieldError(pointer, InvalidEmail.sentence()),))
    return address


def require_time_zone(name: str) -> str:
    """Return the name of a time zone; raise UnknownTimeZone."""
    if name not in _TIME_ZONES:
        raise UnknownTimeZone(errors=(FieldError("/time_zone", UnknownTimeZone.sentence()),))
    return name
