"""What a question with its answer is."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from carbot_core.fields import Line, Text
from carbot_crm.chat.models import Language

Place = Annotated[int, msgspec.Meta(ge=0, le=1000, description="Lower ones come first")]


class NewFaq(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    workshop_id: UUID
    language: Language = "de"
    question: Line
    answer: Text
    place: Place = 100
    is_published: bool = True


class FaqEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be different; what is left out stays."""

    language: Language | UnsetType = UNSET
    question: Line | UnsetType = UNSET
    answer: Text | UnsetType = UNSET
    place: Place | UnsetType = UNSET
    is_published: bool | UnsetType = UNSET


class Faq(msgspec.Struct, frozen=True, kw_only=True):
    """A question with its answer, as staff have it."""

    id: UUID
    workshop_id: UUID
    language: Language
    question: str
    answer: str
    place: int
    is_published: bool
    created_at: datetime
    updated_at: datetime
    revision: int


class FaqPosition(msgspec.Struct, frozen=True):
    """After which question a page goes on."""

    place: int
    id: UUID


class PublishedFaq(msgspec.Struct, frozen=True, kw_only=True):
    """A question with its answer, as visitors have it."""

    id: UUID
    question: str
    answer: str


class PublishedFaqs(msgspec.Struct, frozen=True):
    """A workshop's questions in one language, in their order."""

    items: list[PublishedFaq]
