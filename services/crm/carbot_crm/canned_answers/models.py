"""What a canned answer is."""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from carbot_core.fields import Line, Text
from carbot_crm.chat.models import Language


class NewCannedAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    workshop_id: UUID
    language: Language = "de"
    title: Line
    text: Text


class CannedAnswerEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be different; what is left out stays."""

    language: Language | UnsetType = UNSET
    title: Line | UnsetType = UNSET
    text: Text | UnsetType = UNSET


class CannedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to be picked by its title."""

    id: UUID
    workshop_id: UUID
    language: Language
    title: str
    text: str
    created_at: datetime
    updated_at: datetime
    revision: int


class CannedAnswerPosition(msgspec.Struct, frozen=True):
    """After which answer a page goes on."""

    id: UUID
