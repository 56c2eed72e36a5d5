"""What a plan is."""

from typing import Literal

import msgspec
from carbot_core.fields import Money

PlanCode = Literal["starter", "professional", "enterprise"]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much of each an organisation may have; null means as much as it likes."""

    workshops: int | None
    members: int | None
    leads_per_month: int | None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a plan; net prices."""

    code: PlanCode
    version: int
    name: str
    monthly: Money
    yearly: Money
    trial_days: int
    limits: Limits
    entitlements: list[str]


class Plans(msgspec.Struct, frozen=True):
    """All plans that can be subscribed to now, the cheapest first."""

    items: list[Plan]
