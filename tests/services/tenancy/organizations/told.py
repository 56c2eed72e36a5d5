"""What tenancy said of an organisation, and what others say to it."""

from uuid import UUID

import msgspec

from carbot_contracts.billing import SubscriptionChanged, SubscriptionStatus
from carbot_contracts.catalogue import EVENTS
from carbot_contracts.event import Event
from carbot_contracts.tenancy import OrganizationChanged
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_testing.world import World

BEGIN = 100
"""Versions of made-up events: later than those that the running billing makes of a registration."""


class Row(msgspec.Struct, frozen=True):
    subject: str
    version: int
    body: bytes


async def told(database: Database, organization_id: UUID) -> list[tuple[Event, int]]:
    """Return the events of an organisation with their versions, oldest first."""
    async with database.transaction(Context(organization_id=organization_id), read_only=True) as tx:
        rows = await tx.all(
            Row,
            """
            SELECT subject, aggregate_version AS version, body
            FROM outbox
            WHERE organization_id = $1
            ORDER BY pos
            """,
            organization_id,
        )
    return [(msgspec.json.decode(row.body, type=EVENTS[row.subject]), row.version) for row in rows]


async def changes(database: Database, organization_id: UUID) -> list[tuple[OrganizationChanged, int]]:
    """Return how an organisation was said to be, after its registration."""
    events = await told(database, organization_id)
    return [(event, version) for event, version in events if isinstance(event, OrganizationChanged)]


async def statuses(database: Database, organization_id: UUID) -> list[str]:
    """Return the statuses that an organisation was said to come to."""
    return [event.status for event, _ in await changes(database, organization_id)]


async def bill(database: Database, organization_id: UUID, status: SubscriptionStatus, version: int = BEGIN) -> None:
    """Let tenancy hear from billing."""
    event = SubscriptionChanged(subscription_id=organization_id, plan="professional", plan_version=1, status=status)
    await World({"tenancy": database}).tell(organization_id, event, version=version)
