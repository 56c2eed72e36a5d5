"""What a landing page is."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from carbot_core.fields import Line, Text
from carbot_crm.chat.models import Language

PageSlug = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=60, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$(?!\n)", examples=["hauptuntersuchung-berlin"]
    ),
]


class OfferedService(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that the workshop does; the price as a visitor reads it, for example `from 89 €`."""

    name: Line
    price: Line | None = None


OfferedServices = Annotated[list[OfferedService], msgspec.Meta(max_length=50)]


class NewLandingPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new page; its slug is the workshop's own, once in each language."""

    workshop_id: UUID
    slug: PageSlug
    language: Language = "de"
    title: Line
    introduction: Text
    services: OfferedServices = msgspec.field(default_factory=list)
    is_published: bool = False


class LandingPageEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be different; what is left out stays."""

    slug: PageSlug | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    title: Line | UnsetType = UNSET
    introduction: Text | UnsetType = UNSET
    services: OfferedServices | UnsetType = UNSET
    is_published: bool | UnsetType = UNSET


class LandingPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page as staff have it."""

    id: UUID
    workshop_id: UUID
    slug: str
    language: Language
    title: str
    introduction: str
    services: list[OfferedService]
    is_published: bool
    created_at: datetime
    updated_at: datetime
    revision: int


class LandingPagePosition(msgspec.Struct, frozen=True):
    """After which page of this list a page goes on."""

    created_at: datetime
    id: UUID


class PublishedPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page as visitors have it."""

    slug: str
    language: Language
    title: str
    introduction: str
    services: list[OfferedService]
