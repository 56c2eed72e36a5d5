"""What customers say of advertising."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from carbot_contracts.crm import ConsentSource, ConsentState
from carbot_contracts.event import Instant
from carbot_crm.send_gate.models import AdvertisingPurpose, Channel, Goods

TextVersion = Annotated[
    str, msgspec.Meta(min_length=1, max_length=20, pattern=r"^[0-9A-Za-z._-]+$(?!\n)", examples=["2026-01"])
]
"""Which text was shown; it names the sender and what is advertised (BGH VI ZR 721/15)."""


class NewConsentRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a customer said to staff, or on a form.

    `granted` is a yes, proved only in writing; `confirmed` a yes by double opt-in, which proves it for e-mail alone (BGH I ZR
    164/09); `withdrawn` takes back the yes to a purpose; `objected` is a no to all advertising on the channel and names no purpose.
    """

    channel: Channel
    purpose: AdvertisingPurpose | None = None
    state: ConsentState
    source: Literal["written", "online", "oral"]
    text_version: TextVersion | None = None
    occurred_at: Instant | None = None
    """When it was said, if not now."""


class ConsentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The proof of what a customer said; it never changes. `author_id` is null for what came by a link."""

    id: UUID
    customer_id: UUID
    version: int
    channel: Channel
    purpose: AdvertisingPurpose | Literal["all"]
    state: ConsentState
    source: ConsentSource
    text_version: str | None
    author_id: UUID | None
    occurred_at: datetime
    created_at: datetime


class NewSaleAddress(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """That the customer's address was obtained with a sale, and which notice of the right to object was given then, if any."""

    channel: Channel
    goods: Goods
    sold_on: date
    notice_version: TextVersion | None = None


class SaleAddress(msgspec.Struct, frozen=True, kw_only=True):
    """An address that was obtained with a sale (section 7(3) UWG)."""

    id: UUID
    customer_id: UUID
    channel: Channel
    goods: Goods
    sold_on: date
    notice_version: str | None
    author_id: UUID | None
    created_at: datetime


class ConsentPosition(msgspec.Struct, frozen=True):
    """After which record a page goes on."""

    version: int
