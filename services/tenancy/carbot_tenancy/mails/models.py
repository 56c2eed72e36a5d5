"""Mails, before they have a text."""

from typing import Literal
from uuid import UUID

import msgspec

from carbot_tenancy.fields import Locale

Template = Literal["registration", "invitation"]


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """What to write, to whom; `parameters` holds ids alone."""

    id: UUID
    template: Template
    recipient: str
    locale: Locale
    parameters: dict[str, str]


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What a letter says: which one it is, the words to fill in, and the path of its link."""

    letter: Literal["verify_email", "address_known", "invitation"]
    words: dict[str, str]
    path: str
