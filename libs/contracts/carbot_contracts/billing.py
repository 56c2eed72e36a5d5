"""Events of billing: what an organisation's subscription is now."""

from typing import ClassVar, Literal
from uuid import UUID

from carbot_contracts.event import Event, Instant

SubscriptionStatus = Literal["trialing", "active", "past_due", "paused", "cancelled"]


class SubscriptionChanged(Event, frozen=True, kw_only=True):
    """The subscription is now so (also when it is new)."""

    subject: ClassVar = "billing.subscription.changed.v1"
    aggregate: ClassVar = "subscription_id"

    subscription_id: UUID
    plan: str
    plan_version: int
    status: SubscriptionStatus
    trial_ends_at: Instant | None = None


EVENTS: tuple[type[Event], ...] = (SubscriptionChanged,)
