"""What a template and its versions are."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from carbot_core.fields import Line, Text
from carbot_crm.send_gate.models import Channel, Language, Purpose

VersionState = Literal["draft", "published", "retired"]
PLACEHOLDERS: Final = frozenset(
    {"name", "first_name", "last_name", "company", "workshop", "organization", "plate", "vehicle", "due"}
)
"""What a wording may leave open, as $name or ${name}; `due` is the day, of an HU the month."""


class NewMessageTemplate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: Line
    purpose: Purpose
    channel: Channel = "email"


class MessageTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """What a wording is for; `purpose` says whether the message advertises."""

    id: UUID
    name: str
    purpose: Purpose
    channel: Channel
    created_at: datetime


class NewTemplateVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A wording: plain text with $placeholders, paragraphs parted by empty lines, `$$` for a dollar sign."""

    language: Language
    subject: Line
    body: Text


class TemplateVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A wording in one language; of those of a template and language one is published at most."""

    id: UUID
    template_id: UUID
    language: Language
    state: VersionState
    subject: str
    body: str
    author_id: UUID | None
    published_at: datetime | None
    created_at: datetime
    updated_at: datetime
    revision: int


class MessagePreview(msgspec.Struct, frozen=True):
    """What a customer would read."""

    subject: str
    text: str
    html: str


class Wording(msgspec.Struct, frozen=True):
    """A version that a message is made of, with what its template says it is for."""

    version_id: UUID
    language: Language
    subject: str
    body: str
    purpose: Purpose


class TemplatePosition(msgspec.Struct, frozen=True):
    """After which template or version a page goes on."""

    created_at: datetime
    id: UUID
