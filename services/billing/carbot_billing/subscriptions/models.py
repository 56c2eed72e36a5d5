"""What a subscription is, on the wire and in its row."""

from datetime import datetime
from uuid import UUID

import msgspec

from carbot_contracts.billing import SubscriptionChanged, SubscriptionStatus
from carbot_core.fields import Money


class SubscriptionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription as it is stored."""

    id: UUID
    plan_code: str
    plan_version: int
    status: SubscriptionStatus
    trial_ends_at: datetime | None
    period_starts_at: datetime
    period_ends_at: datetime
    cancel_at_period_end: bool
    grandfathered: bool
    created_at: datetime
    updated_at: datetime
    revision: int

    def state(self) -> SubscriptionChanged:
        """Return it as the other services are told of it."""
        return SubscriptionChanged(
            subscription_id=self.id,
            plan=self.plan_code,
            plan_version=self.plan_version,
            status=self.status,
            trial_ends_at=self.trial_ends_at,
        )


class SubscribedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The version of the plan that was subscribed to; net prices; a limit that is null does not exist."""

    code: str
    version: int
    name: str
    monthly: Money
    yearly: Money
    limits: dict[str, int | None]
    entitlements: list[str]


class Period(msgspec.Struct, frozen=True):
    """From when to when."""

    starts_at: datetime
    ends_at: datetime


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation's subscription with its plan; while trialing, the current period is the trial."""

    id: UUID
    plan: SubscribedPlan
    status: SubscriptionStatus
    trial_ends_at: datetime | None
    current_period: Period
    cancel_at_period_end: bool
    grandfathered: bool
    created_at: datetime
    updated_at: datetime
    revision: int
