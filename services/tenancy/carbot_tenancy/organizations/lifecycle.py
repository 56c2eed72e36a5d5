"""The life of an organisation: which facts decide its status, and which status may follow which."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from carbot_contracts.billing import SubscriptionStatus
from carbot_contracts.tenancy import OrganizationStatus
from carbot_core.errors import Conflict
from carbot_tenancy.organizations.models import StoredOrganization

REVERSIBLE: Final = timedelta(days=30)
"""How long an owner may come back after closing; then everything is erased."""

OF_SUBSCRIPTION: Final[Mapping[SubscriptionStatus, OrganizationStatus]] = {
    "trialing": "trial",
    "active": "active",
    "past_due": "past_due",
    "paused": "suspended",
    "cancelled": "suspended",
}

NEXT: Final[Mapping[OrganizationStatus, frozenset[OrganizationStatus]]] = {
    "trial": frozenset({"active", "past_due", "suspended", "closing"}),
    "active": frozenset({"past_due", "suspended", "closing"}),
    "past_due": frozenset({"active", "suspended", "closing"}),
    "suspended": frozenset({"trial", "active", "past_due", "closing"}),
    "closing": frozenset({"trial", "active", "past_due", "suspended", "erased"}),
    "erased": frozenset(),
}
"""Forwards any number of steps, for billing may tell the last of several changes alone; back only as far as facts can go."""


class StatusCannotFollow(Conflict):
    """The organisation cannot come to this status from the one that it has."""


def status_of(organization: StoredOrganization) -> OrganizationStatus:
    """Return the status that the facts make: the weightiest one decides."""
    if organization.erased_at is not None:
        return "erased"
    if organization.closing_since is not None:
        return "closing"
    if organization.suspended_at is not None:
        return "suspended"
    if organization.subscription_status is None:
        return "trial"
    return OF_SUBSCRIPTION[organization.subscription_status]


def follow(before: OrganizationStatus, after: OrganizationStatus) -> OrganizationStatus:
    """Return the status that comes after another one, or the same; raise StatusCannotFollow."""
    if after != before and after not in NEXT[before]:
        raise StatusCannotFollow(before=before, after=after)
    return after
