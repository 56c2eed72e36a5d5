"""Plans in SQL."""

from carbot_billing.plans.models import Plan, PlanCode
from carbot_core.db import Tx


async def list_plans(tx: Tx) -> list[Plan]:
    """List the newest version of every plan that is for sale, the cheapest first."""
    return await tx.all(
        Plan,
        """
        SELECT code, version, name, trial_days, limits, entitlements,
            jsonb_build_object('amount', monthly_price, 'currency', currency) AS monthly,
            jsonb_build_object('amount', yearly_price, 'currency', currency) AS yearly
        FROM billing.subscription_plans p
        WHERE active AND version = (SELECT max(version) FROM billing.subscription_plans WHERE active AND code = p.code)
        ORDER BY monthly_price, code
        """,
    )


async def find_plan(tx: Tx, code: str, version: int) -> Plan | None:
    """Find a version of a plan, also one that is no longer for sale."""
    return await tx.first(
        Plan,
        """
        SELECT code, version, name, trial_days, limits, entitlements,
            jsonb_build_object('amount', monthly_price, 'currency', currency) AS monthly,
            jsonb_build_object('amount', yearly_price, 'currency', currency) AS yearly
        FROM billing.subscription_plans
        WHERE code = $1 AND version = $2
        """,
        code,
        version,
    )


async def find_newest_plan(tx: Tx, code: PlanCode) -> Plan | None:
    """Find the version of a plan that is for sale."""
    return await tx.first(
        Plan,
        """
        SELECT code, version, name, trial_days, limits, entitlements,
            jsonb_build_object('amount', monthly_price, 'currency', currency) AS monthly,
            jsonb_build_object('amount', yearly_price, 'currency', currency) AS yearly
        FROM billing.subscription_plans
        WHERE code = $1 AND active
        ORDER BY version DESC
        LIMIT 1
        """,
        code,
    )
