"""What a plan is."""

from typing import Literal

import msgspec

from carbot_core.fields import Money

PlanCode = Literal["starter", "professional", "enterprise"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a plan; net prices. A limit that is null does not exist: workshops, members, leads_per_month."""

    code: PlanCode
    version: int
    name: str
    monthly: Money
    yearly: Money
    trial_days: int
    limits: dict[str, int | None]
    entitlements: list[str]


class Plans(msgspec.Struct, frozen=True):
    """All plans that can be subscribed to now, the cheapest first."""

    items: list[Plan]
