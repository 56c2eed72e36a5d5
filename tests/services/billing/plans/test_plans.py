"""What is for sale."""

import asyncpg
import pytest

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_testing.plugin import Connect


class TestList:
    async def test_shows_anybody_the_plans_with_the_cheapest_first(self, connect: Connect) -> None:
        answer = await connect("billing").get("/api/billing/v1/plans")
        assert answer.status_code == 200
        plans = answer.json()["items"]
        assert [(plan["code"], plan["monthly"]["amount"], plan["yearly"]["amount"]) for plan in plans] == [
            ("starter", 4900, 49000),
            ("professional", 9900, 99000),
            ("enterprise", 19900, 199000),
        ]
        assert plans[1]["monthly"] == {"amount": 9900, "currency": "EUR"}
        assert plans[1]["limits"] == {"workshops": 3, "members": 5, "leads_per_month": 500}
        assert plans[2]["limits"] == {"workshops": None, "members": None, "leads_per_month": None}
        assert {plan["trial_days"] for plan in plans} == {14}


class TestVersion:
    async def test_is_edited_by_no_process(
        self, api_databases: dict[str, Database], worker_databases: dict[str, Database]
    ) -> None:
        for database in (api_databases["billing"], worker_databases["billing"]):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with database.transaction(Context()) as tx:
                    await tx.execute("UPDATE billing.subscription_plans SET monthly_price = 0")
