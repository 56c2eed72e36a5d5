"""Making webhooks, changing them, and what they are told."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from msgspec import UNSET

from carbot_contracts.crm import WebhookDisabled
from carbot_contracts.event import Event
from carbot_core import outbox, timers
from carbot_core.auth.principal import Principal
from carbot_core.crypto import Vault
from carbot_core.db import Tx
from carbot_core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, PreconditionFailed
from carbot_core.ids import new_id
from carbot_crm.webhooks import queries, signatures, targets
from carbot_crm.webhooks.models import (
    TIMER,
    EventType,
    NewWebhook,
    Payload,
    SecretRotation,
    Webhook,
    WebhookDelivery,
    WebhookEdit,
    WebhookWithSecret,
)

_encode = msgspec.json.Encoder().encode


class WebhookNotFound(NotFound):
    """There is no such webhook."""


class WebhookDeliveryNotFound(NotFound):
    """There is no such delivery."""


class WebhookWorkshopNotFound(NotFound):
    """There is no such workshop."""


class WebhookTooWide(Forbidden):
    """This webhook hears of all workshops, and you do not see them all: name one."""


class TargetNotAllowed(Invalid):
    """A webhook must lead to a public address, by https."""


class DeliveryNotEnded(Conflict):
    """The delivery is still being tried."""


async def create_webhook(
    tx: Tx, vault: Vault, caller: Principal, new: NewWebhook, *, is_production: bool, now: datetime
) -> WebhookWithSecret:
    """Store a webhook with a new secret; raise TargetNotAllowed, WebhookTooWide, WebhookWorkshopNotFound."""
    _refuse_target(new.url, is_production=is_production)
    _refuse_wider(caller, new.workshop_id)
    webhook_id, secret = new_id(), signatures.new_secret()
    sealed = signatures.seal_secret(vault, webhook_id, secret)
    webhook = await queries.insert_webhook(tx, webhook_id, new, sealed, now)
    if webhook is None:
        raise WebhookWorkshopNotFound(workshop=new.workshop_id)
    return WebhookWithSecret(**msgspec.structs.asdict(webhook), secret=secret)


async def read_webhook(tx: Tx, webhook_id: UUID) -> Webhook:
    """Return a webhook; raise WebhookNotFound."""
    webhook = await queries.find_webhook(tx, webhook_id)
    if webhook is None:
        raise WebhookNotFound(webhook=webhook_id)
    return webhook


async def edit_webhook(
    tx: Tx, caller: Principal, webhook_id: UUID, revision: int, edit: WebhookEdit, *, is_production: bool, now: datetime
) -> Webhook:
    """Change a webhook as the caller last saw it; raise WebhookNotFound, PreconditionFailed, WebhookTooWide, TargetNotAllowed."""
    webhook = await _locked(tx, caller, webhook_id, revision)
    changes = {name: value for name in edit.__struct_fields__ if (value := getattr(edit, name)) is not UNSET}
    if edit.url is not UNSET:
        _refuse_target(edit.url, is_production=is_production)
    changed = msgspec.structs.replace(webhook, **changes)
    if changed.is_active:
        changed = msgspec.structs.replace(changed, disabled_at=None)
    return await queries.update_webhook(tx, changed, now)


async def delete_webhook(tx: Tx, caller: Principal, webhook_id: UUID, revision: int) -> None:
    """Delete a webhook with its log; raise WebhookNotFound, PreconditionFailed, WebhookTooWide."""
    await _locked(tx, caller, webhook_id, revision)
    await queries.delete_webhook(tx, webhook_id)


async def rotate_secret(
    tx: Tx,
    vault: Vault,
    caller: Principal,
    webhook_id: UUID,
    rotation: SecretRotation,
    *,
    revision: int | None,
    now: datetime,
) -> WebhookWithSecret:
    """Make a new secret; for a while deliveries are signed with both. Raises WebhookNotFound, PreconditionFailed, WebhookTooWide."""
    await _locked(tx, caller, webhook_id, revision)
    secret = signatures.new_secret()
    sealed = signatures.seal_secret(vault, webhook_id, secret)
    until = now + timedelta(hours=rotation.overlap_hours)
    webhook = await queries.update_secret(tx, webhook_id, sealed, previous_until=until, now=now)
    return WebhookWithSecret(**msgspec.structs.asdict(webhook), secret=secret)


async def test_webhook(tx: Tx, caller: Principal, webhook_id: UUID, now: datetime) -> WebhookDelivery:
    """Tell a webhook that this is a test; raise WebhookNotFound, WebhookTooWide."""
    await _locked(tx, caller, webhook_id, None)
    delivery_id = new_id()
    payload = _encode(Payload(delivery_id, "test", now, {"webhook_id": webhook_id}))
    delivery = await queries.insert_test_delivery(tx, webhook_id, delivery_id, payload, now)
    if delivery is None:
        raise WebhookNotFound(webhook=webhook_id)
    await timers.start(tx, TIMER, delivery.id, now)
    return delivery


async def replay_delivery(tx: Tx, delivery_id: UUID, now: datetime) -> WebhookDelivery:
    """Tell once more what was told, under the same id; raise WebhookDeliveryNotFound, DeliveryNotEnded."""
    if await queries.find_delivery(tx, delivery_id) is None:
        raise WebhookDeliveryNotFound(delivery=delivery_id)
    delivery = await queries.mark_replayed(tx, delivery_id, now)
    if delivery is None:
        raise DeliveryNotEnded(delivery=delivery_id)
    await timers.start(tx, TIMER, delivery.id, now)
    return delivery


async def tell_webhooks(
    tx: Tx, event_type: EventType, event: Event, event_id: UUID, workshop_id: UUID | None, *, now: datetime
) -> None:
    """Let every webhook that wants to hear of an event hear of it, once."""
    data: dict[str, object] = msgspec.to_builtins(event)
    payload = _encode(Payload(event_id, event_type, now, data))
    for delivery_id in await queries.insert_deliveries(tx, event_id, event_type, workshop_id, payload, now):
        await timers.start(tx, TIMER, delivery_id, now)


async def disable_webhook(tx: Tx, webhook_id: UUID, now: datetime) -> None:
    """Switch a webhook off that has failed too long, and announce it."""
    disabled = await queries.mark_disabled(tx, webhook_id, now)
    if disabled is not None:
        await outbox.add(tx, WebhookDisabled(webhook_id=webhook_id), version=disabled.revision)


def _refuse_target(url: str, *, is_production: bool) -> None:
    finding = targets.refuse_url(url, is_production=is_production)
    if finding is not None:
        raise TargetNotAllowed(errors=(FieldError("/url", finding),))


def _refuse_wider(caller: Principal, workshop_id: UUID | None) -> None:
    if workshop_id is None and caller.workshops is not None:
        raise WebhookTooWide


async def _locked(tx: Tx, caller: Principal, webhook_id: UUID, revision: int | None) -> Webhook:
    webhook = await queries.lock_webhook(tx, webhook_id)
    if webhook is None:
        raise WebhookNotFound(webhook=webhook_id)
    if revision is not None and revision != webhook.revision:
        raise PreconditionFailed(webhook=webhook_id)
    _refuse_wider(caller, webhook.workshop_id)
    return webhook
