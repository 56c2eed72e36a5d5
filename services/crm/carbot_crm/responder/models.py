"""What a responder is given, and what it gives."""

from typing import Protocol
from uuid import UUID

import msgspec

from carbot_crm.chat.models import Language, LeadDraft, Message
from carbot_crm.landing_pages.models import OfferedService
from carbot_crm.locations.models import Location


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question that the workshop has answered for all."""

    question: str
    answer: str


class Knowledge(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to tell of a workshop, in one language."""

    workshop: str
    locations: list[Location]
    questions: list[Question]
    services: list[OfferedService]


class WantedLead(msgspec.Struct, frozen=True, kw_only=True):
    """All that a lead needs; the telephone number is E.164."""

    name: str
    phone: str
    request: str
    vehicle: str | None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to one message, and what follows from it."""

    text: str
    draft: LeadDraft | None = None
    lead: WantedLead | None = None
    hands_over: bool = False
    knows: bool = True
    """False where the rules found nothing: somebody else may know better."""


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """What was said so far, oldest first, up to the message to answer."""

    session_id: UUID
    language: Language
    draft: LeadDraft | None
    history: list[Message]

    @property
    def asked(self) -> str:
        return self.history[-1].text


class Responder(Protocol):
    """Answers the last message of a conversation."""

    async def respond(self, conversation: Conversation, knowledge: Knowledge) -> Reply: ...
