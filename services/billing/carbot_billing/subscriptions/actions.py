"""What happens to a subscription, and what must not."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from carbot_billing.plans import queries as plans
from carbot_billing.subscriptions import queries
from carbot_billing.subscriptions.models import Period, SubscribedPlan, Subscription, SubscriptionRow
from carbot_core import outbox, timers
from carbot_core.db import Tx
from carbot_core.errors import NotFound

TRIAL_ENDS: Final = "trial_ends"
TRIAL_PLAN: Final = "professional"


class SubscriptionNotFound(NotFound):
    """The organisation has no subscription yet."""


async def read_subscription(tx: Tx) -> Subscription:
    """Return the organisation's subscription with its plan; raise SubscriptionNotFound."""
    row = await queries.find_subscription(tx)
    plan = await plans.find_plan(tx, row.plan_code, row.plan_version) if row else None
    if row is None or plan is None:
        raise SubscriptionNotFound
    return Subscription(
        id=row.id,
        plan=msgspec.convert(plan, SubscribedPlan, from_attributes=True),
        status=row.status,
        trial_ends_at=row.trial_ends_at,
        current_period=Period(row.period_starts_at, row.period_ends_at),
        cancel_at_period_end=row.cancel_at_period_end,
        grandfathered=row.grandfathered,
        created_at=row.created_at,
        updated_at=row.updated_at,
        revision=row.revision,
    )


async def begin_trial(tx: Tx, registered_at: datetime, now: datetime) -> None:
    """Subscribe an organisation that has no subscription: a trial that counts from its registration, whenever we learn of it."""
    plan = await plans.find_newest_plan(tx, TRIAL_PLAN)
    if plan is None:
        raise LookupError(f"no version of {TRIAL_PLAN} is for sale")
    ends_at = registered_at + timedelta(days=plan.trial_days)
    row = await queries.insert_trial(tx, plan.code, plan.version, starts_at=registered_at, ends_at=ends_at, now=now)
    if row is None:
        return
    await timers.start(tx, TRIAL_ENDS, row.id, ends_at)
    await _announce(tx, None, row, effective_at=registered_at)


async def end_trial(tx: Tx, subscription_id: UUID, now: datetime) -> None:
    """Pause a subscription that is still in its trial: nobody has said how it is to be paid."""
    row = await queries.lock_subscription(tx, subscription_id)
    if row is None or row.status != "trialing" or row.trial_ends_at is None:
        return
    paused = await queries.update_status(tx, row.id, "paused", now)
    await _announce(tx, row, paused, effective_at=row.trial_ends_at)


async def _announce(tx: Tx, before: SubscriptionRow | None, after: SubscriptionRow, *, effective_at: datetime) -> None:
    await queries.insert_change(tx, before, after, effective_at=effective_at)
    await outbox.add(tx, after.state(), version=after.revision)
