"""Mails, before they have a text."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from carbot_tenancy.fields import Locale

Template = Literal[
    "registration",
    "invitation",
    "password_reset",
    "email_change",
    "email_changed",
    "password_changed",
    "second_factor_changed",
    "webhook_disabled",
]
MailState = Literal["queued", "sent", "failed", "suppressed"]
"""Suppressed: the address had got too many of the kind."""
LetterName = Literal[
    "verify_email",
    "address_known",
    "invitation",
    "password_reset",
    "password_changed",
    "email_change_requested",
    "confirm_email",
    "email_changed",
    "second_factor_on",
    "second_factor_off",
    "webhook_disabled",
]


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """What to write, to whom; `parameters` holds ids alone."""

    id: UUID
    template: Template
    recipient: str
    locale: Locale
    parameters: dict[str, str]

    @property
    def about(self) -> UUID:
        """The row that it is about."""
        return UUID(self.parameters["id"])


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What a letter says: which one it is, the words to fill in, and the path of its link if it has one."""

    letter: LetterName
    words: dict[str, str]
    path: str | None = None
    locale: Locale | None = None
    """The reader's language, where whoever queued the mail could not know it."""


class SentMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail, without its text."""

    id: UUID
    template: Template
    recipient: str
    locale: Locale
    state: MailState
    attempts: int
    sent_at: datetime | None
    created_at: datetime


class MailPosition(msgspec.Struct, frozen=True):
    """After which mail a page goes on."""

    id: UUID
