"""What a conversation is, for its visitor and in its row."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from carbot_contracts.crm import ChatAuthor, ChatStatus
from carbot_core.fields import HttpAddress, Text

Language = Literal["de", "en", "tr", "pl"]
TextVersion = Annotated[str, msgspec.Meta(min_length=1, max_length=20, pattern=r"^[0-9A-Za-z._-]+$(?!\n)")]
DraftStep = Literal["name", "phone", "request", "vehicle"]


class ChatConsent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the visitor agreed to, and which text was shown."""

    data_processing: bool
    communication: bool
    analytics: bool
    text_version: TextVersion


class NewSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What opens a conversation."""

    language: Language = "de"
    page_url: HttpAddress | None = None
    consent: ChatConsent


class OpenedSession(msgspec.Struct, frozen=True, kw_only=True):
    """A new conversation; the token is shown this once, the notice is to be shown before anything can be written."""

    id: UUID
    token: str
    language: Language
    ai_notice: str
    ai_notice_version: str
    created_at: datetime


class NewMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: Text


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wrote; `bot` is a machine, `staff` a person."""

    id: UUID
    author: ChatAuthor
    text: str
    created_at: datetime


class MessagePosition(msgspec.Struct, frozen=True):
    """Before which message a page goes on."""

    created_at: datetime
    id: UUID


class SessionStatus(msgspec.Struct, frozen=True):
    """Who answers: the bot while it is open, people once it is handed over, nobody when it is closed."""

    status: ChatStatus


class LeadDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What the bot has asked for so far, and what it asks for now."""

    step: DraftStep
    name: str | None = None
    phone: str | None = None
    request: str | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation's row."""

    id: UUID
    workshop_id: UUID
    language: Language
    status: ChatStatus
    assigned_to: UUID | None
    lead_id: UUID | None
    client_key: UUID
    token_hash: str
    page_url: str | None
    consent_text_version: str
    consent_communication: bool
    lead_draft: LeadDraft | None
    answered_to: datetime
    last_message_at: datetime
    created_at: datetime
    revision: int
