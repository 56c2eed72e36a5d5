"""What staff see of conversations."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from carbot_contracts.crm import ChatAuthor, ChatStatus
from carbot_core.fields import Text
from carbot_crm.chat.models import Language

RetentionClass = Literal["chat90", "letter6"]


class InboxSession(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation with its last message, if there is one yet; chat90 is kept 90 days after it, letter6 six years."""

    id: UUID
    workshop_id: UUID
    channel: Literal["widget"]
    language: Language
    status: ChatStatus
    assigned_to: UUID | None
    lead_id: UUID | None
    customer_id: UUID | None
    page_url: str | None
    consent_text_version: str
    consent_communication: bool
    consent_analytics: bool
    consent_at: datetime
    retention_class: RetentionClass
    last_author: ChatAuthor | None
    last_text: str | None
    last_message_at: datetime
    created_at: datetime
    updated_at: datetime
    revision: int


class InboxPosition(msgspec.Struct, frozen=True):
    """After which conversation a page goes on."""

    last_message_at: datetime
    id: UUID


class InboxMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as staff see it; author_id is the colleague who wrote it."""

    id: UUID
    session_id: UUID
    author: ChatAuthor
    author_id: UUID | None
    text: str
    created_at: datetime


class NewAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: Text


class ChatAssignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    user_id: UUID
