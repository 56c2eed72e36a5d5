"""Telling webhooks: what each event becomes, and what happens when a delivery is due."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from uuid import UUID

from carbot_contracts.crm import (
    CustomerCreated,
    FollowUpDue,
    LeadChanged,
    LeadConverted,
    LeadCreated,
    LeadDeleted,
    VehicleDue,
)
from carbot_core import telemetry, timers
from carbot_core.consume import Envelope
from carbot_core.context import Context
from carbot_core.crypto import Vault
from carbot_core.db import Tx
from carbot_core.service import Runtime
from carbot_core.timers import Due
from carbot_crm.webhooks import actions, queries, signatures, targets
from carbot_crm.webhooks.models import Answer, DeliveryStatus, EventType, PendingDelivery

outcomes = telemetry.meter.create_counter("carbot.crm.webhook_deliveries")

type Told = LeadCreated | LeadChanged | LeadConverted | LeadDeleted | CustomerCreated | VehicleDue | FollowUpDue

TYPES: Final[Mapping[type[Told], EventType]] = {
    LeadCreated: "lead.created",
    LeadChanged: "lead.updated",
    LeadConverted: "lead.converted",
    LeadDeleted: "lead.deleted",
    CustomerCreated: "customer.created",
    VehicleDue: "vehicle.due",
    FollowUpDue: "follow_up.due",
}
"""What webhooks hear of, and under which name."""

FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(hours=4)
TRIED_FOR: Final = timedelta(hours=24)
DISABLED: Final = Answer(failure="webhook_disabled")


async def tell(tx: Tx, event: Told, envelope: Envelope) -> None:
    """Let the webhooks of the organisation hear of an event."""
    workshop_id: UUID | None = event.workshop_id
    await actions.tell_webhooks(tx, TYPES[type(event)], event, envelope.event_id, workshop_id, now=envelope.occurred_at)


async def send_due_delivery(runtime: Runtime, due: Due) -> None:
    """Call the target and note what came of it; who does not take it is called again later, for a day."""
    async with runtime.database.transaction(Context(organization_id=due.organization_id)) as tx:
        delivery = await queries.find_pending_delivery(tx, due.key)
        if delivery is None:
            await timers.finish(tx, due)
            return
    if not delivery.is_active:
        await _end(runtime, due, delivery, "failed", DISABLED)
        return
    answer = await _call(runtime, delivery)
    if answer.is_taken:
        await _end(runtime, due, delivery, "delivered", answer)
        return
    pause = min(FIRST_PAUSE * 2 ** min(due.attempts - 1, 20), LONGEST_PAUSE)
    if runtime.clock() + pause < delivery.begun_at + TRIED_FOR:
        await _try_later(runtime, due, answer, pause)
    else:
        await _end(runtime, due, delivery, "failed", answer)


async def _call(runtime: Runtime, delivery: PendingDelivery) -> Answer:
    now, vault = runtime.clock(), Vault.from_base64(runtime.settings.key_encryption_key)
    sealed = [delivery.secret]
    if delivery.previous_secret and delivery.previous_secret_until and now < delivery.previous_secret_until:
        sealed.append(delivery.previous_secret)
    valid = [signatures.open_secret(vault, delivery.webhook_id, each) for each in sealed]
    headers = {
        "content-type": "application/json",
        "user-agent": "CarBot-Webhook/1",
        "webhook-id": str(delivery.id),
        "X-CarBot-Signature": signatures.sign(delivery.payload, valid, timestamp=int(now.timestamp())),
    }
    is_production = runtime.settings.profile == "production"
    return await targets.call(delivery.url, delivery.payload, headers, is_production=is_production)


async def _try_later(runtime: Runtime, due: Due, answer: Answer, pause: timedelta) -> None:
    now = runtime.clock()
    async with runtime.database.transaction(Context(organization_id=due.organization_id)) as tx:
        await queries.mark_delivery(tx, due.key, "pending", answer, attempts=due.attempts, now=now)
        await timers.postpone(tx, due, now + pause)
    outcomes.add(1, {"outcome": "postponed"})


async def _end(runtime: Runtime, due: Due, delivery: PendingDelivery, status: DeliveryStatus, answer: Answer) -> None:
    now = runtime.clock()
    async with runtime.database.transaction(Context(organization_id=due.organization_id)) as tx:
        if not await timers.finish(tx, due):
            return
        await queries.mark_delivery(tx, due.key, status, answer, attempts=due.attempts, now=now)
        if status == "failed" and delivery.is_active and delivery.type != "test":
            await actions.disable_webhook(tx, delivery.webhook_id, now)
    outcomes.add(1, {"outcome": status})
