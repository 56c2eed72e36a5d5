"""Subscriptions in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_billing.subscriptions.models import SubscriptionRow
from carbot_contracts.billing import SubscriptionStatus
from carbot_contracts.event import Event
from carbot_core.db import Tx
from carbot_core.ids import new_id


async def find_subscription(tx: Tx) -> SubscriptionRow | None:
    """Find the organisation's subscription: it has one at the most (subscriptions_one_each)."""
    return await tx.first(
        SubscriptionRow,
        """
        SELECT id, plan_code, plan_version, status, trial_ends_at, period_starts_at, period_ends_at, cancel_at_period_end,
            grandfathered, created_at, updated_at, revision
        FROM billing.subscriptions
        WHERE organization_id = $1
        """,
        tx.organization_id,
    )


async def lock_subscription(tx: Tx, subscription_id: UUID) -> SubscriptionRow | None:
    """Find a subscription and keep others from changing it until the transaction ends."""
    return await tx.first(
        SubscriptionRow,
        """
        SELECT id, plan_code, plan_version, status, trial_ends_at, period_starts_at, period_ends_at, cancel_at_period_end,
            grandfathered, created_at, updated_at, revision
        FROM billing.subscriptions
        WHERE organization_id = $1 AND id = $2
        FOR UPDATE
        """,
        tx.organization_id,
        subscription_id,
    )


async def insert_trial(
    tx: Tx, plan_code: str, plan_version: int, *, starts_at: datetime, ends_at: datetime, now: datetime
) -> SubscriptionRow | None:
    """Insert the organisation's first subscription, or return None if it has one."""
    return await tx.first(
        SubscriptionRow,
        """
        INSERT INTO billing.subscriptions
            (organization_id, id, plan_code, plan_version, status, trial_ends_at, period_starts_at, period_ends_at,
            created_at, updated_at)
        VALUES ($1, $2, $3, $4, 'trialing', $6, $5, $6, $7, $7)
        ON CONFLICT (organization_id) DO NOTHING
        RETURNING id, plan_code, plan_version, status, trial_ends_at, period_starts_at, period_ends_at,
            cancel_at_period_end, grandfathered, created_at, updated_at, revision
        """,
        tx.organization_id,
        new_id(),
        plan_code,
        plan_version,
        starts_at,
        ends_at,
        now,
    )


async def update_status(tx: Tx, subscription_id: UUID, status: SubscriptionStatus, now: datetime) -> SubscriptionRow:
    """Give a subscription that was locked another status."""
    return await tx.one(
        SubscriptionRow,
        """
        UPDATE billing.subscriptions
        SET status = $3, updated_at = $4, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, plan_code, plan_version, status, trial_ends_at, period_starts_at, period_ends_at,
            cancel_at_period_end, grandfathered, created_at, updated_at, revision
        """,
        tx.organization_id,
        subscription_id,
        status,
        now,
    )


async def insert_change(
    tx: Tx, before: SubscriptionRow | None, after: SubscriptionRow, *, effective_at: datetime
) -> None:
    """Note that a subscription was so and is so now, and by whom; before is None for a new one."""
    await tx.execute(
        """
        INSERT INTO billing.subscription_changes
            (organization_id, id, subscription_id, from_plan_code, from_plan_version, from_status, to_plan_code,
            to_plan_version, to_status, effective_at, actor_kind, actor_id, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        """,
        tx.organization_id,
        new_id(),
        after.id,
        before.plan_code if before else None,
        before.plan_version if before else None,
        before.status if before else None,
        after.plan_code,
        after.plan_version,
        after.status,
        effective_at,
        tx.context.actor,
        tx.context.actor_id,
        after.updated_at,
    )


async def list_subscription_states(tx: Tx, after: UUID | None, limit: int) -> list[tuple[Event, int]]:
    """List the state of subscriptions in the order of their ids, as announcements with their versions."""
    rows = await tx.all(
        SubscriptionRow,
        """
        SELECT id, plan_code, plan_version, status, trial_ends_at, period_starts_at, period_ends_at, cancel_at_period_end,
            grandfathered, created_at, updated_at, revision
        FROM billing.subscriptions
        WHERE organization_id = $1 AND ($2::uuid IS NULL OR id > $2)
        ORDER BY id
        LIMIT $3
        """,
        tx.organization_id,
        after,
        limit,
    )
    return [(row.state(), row.revision) for row in rows]
