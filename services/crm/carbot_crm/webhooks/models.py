"""Webhooks and their deliveries."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

TIMER: Final = "webhook_delivery"

EventType = Literal[
    "lead.created",
    "lead.updated",
    "lead.converted",
    "lead.deleted",
    "customer.created",
    "vehicle.due",
    "follow_up.due",
]
DeliveryStatus = Literal["pending", "delivered", "failed"]
EventTypes = Annotated[list[EventType], msgspec.Meta(min_length=1, max_length=7)]
TargetUrl = Annotated[
    str,
    msgspec.Meta(
        max_length=2000,
        pattern=r"^https?://[A-Za-z0-9.\-\[\]:]+(/[!-~]*)?$(?!\n)",
        examples=["https://example.org/hooks/carbot"],
        description="https (http on a developer's machine only), without user, password or fragment",
    ),
]


class NewWebhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where to tell of what; without a workshop it hears of all, which only those may ask for who see all."""

    url: TargetUrl
    events: EventTypes
    workshop_id: UUID | None = None


class WebhookEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be different; a webhook that was disabled is switched on again by `is_active`."""

    url: TargetUrl | UnsetType = UNSET
    events: EventTypes | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook, without its secret; `disabled_at` is set when a day of failures has switched it off."""

    id: UUID
    workshop_id: UUID | None
    url: str
    events: list[EventType]
    is_active: bool
    previous_secret_until: datetime | None
    disabled_at: datetime | None
    created_at: datetime
    updated_at: datetime
    revision: int


class WebhookWithSecret(Webhook, frozen=True, kw_only=True):
    """A webhook with its new secret, which is in this answer and nowhere else."""

    secret: str


class SecretRotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long deliveries are signed with the secret before as well."""

    overlap_hours: Annotated[int, msgspec.Meta(ge=0, le=168)] = 24


class WebhookDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """What was told, and what was answered, of which the first 2 KiB are kept. `id` is the header webhook-id: tell repeats by it."""

    id: UUID
    webhook_id: UUID
    type: str
    status: DeliveryStatus
    attempts: int
    response_status: int | None
    response: str | None
    failure: str | None
    delivered_at: datetime | None
    created_at: datetime
    updated_at: datetime
    revision: int


class WebhookPosition(msgspec.Struct, frozen=True):
    """After which webhook or delivery a page goes on."""

    created_at: datetime
    id: UUID


class Payload(msgspec.Struct, frozen=True):
    """What a webhook is told: ids and states, which its organisation reads more about through the interface."""

    id: UUID
    type: str
    created_at: datetime
    data: dict[str, object]


class PendingDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that is due, with where it goes and by which secrets it is signed."""

    id: UUID
    webhook_id: UUID
    type: str
    payload: bytes
    begun_at: datetime
    url: str
    is_active: bool
    secret: bytes
    previous_secret: bytes | None
    previous_secret_until: datetime | None


class Answer(msgspec.Struct, frozen=True):
    """What came of an attempt: an answer with its beginning, or why there was none."""

    status: int | None = None
    text: str | None = None
    failure: str | None = None

    @property
    def is_taken(self) -> bool:
        return self.failure is None
