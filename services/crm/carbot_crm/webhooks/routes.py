"""Webhooks over HTTP."""

from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.errors import PreconditionFailed, PreconditionRequired
from carbot_core.web.pages import InvalidCursor
from carbot_crm.dependencies import PROVIDERS, Vault
from carbot_crm.webhooks import actions, queries
from carbot_crm.webhooks.actions import (
    DeliveryNotEnded,
    TargetNotAllowed,
    WebhookDeliveryNotFound,
    WebhookNotFound,
    WebhookTooWide,
    WebhookWorkshopNotFound,
)
from carbot_crm.webhooks.models import (
    NewWebhook,
    SecretRotation,
    Webhook,
    WebhookDelivery,
    WebhookEdit,
    WebhookPosition,
    WebhookWithSecret,
)

READ = [web.requires(scopes.WEBHOOKS_READ)]
WRITE = [web.requires(scopes.WEBHOOKS_WRITE)]


@get("/", guards=READ, responses=web.problems(InvalidCursor))
async def list_webhooks(
    tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[Webhook]:
    """List webhooks, newest first; never their secrets."""
    keyset = web.Keyset(WebhookPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, "webhooks"))
    return keyset.page(await queries.list_webhooks(tx, after=keyset.after, limit=keyset.fetch))


@post("/", guards=WRITE, responses=web.problems(TargetNotAllowed, WebhookTooWide, WebhookWorkshopNotFound))
async def create_webhook(
    data: JSONBody[NewWebhook],
    tx: web.Tx,
    vault: Vault,
    caller: web.Caller,
    settings: web.Settings,
    now: web.Now,
) -> WebhookWithSecret:
    """Make a webhook. Its secret is in this answer and nowhere else; X-CarBot-Signature is made with it."""
    return await actions.create_webhook(
        tx, vault, caller, data, is_production=settings.profile == "production", now=now
    )


@get("/{webhook_id:str}", guards=READ, responses=web.problems(WebhookNotFound))
async def read_webhook(webhook_id: FromPath[UUID], tx: web.Tx) -> Webhook:
    """Read a webhook, without its secret."""
    return await actions.read_webhook(tx, webhook_id)


@patch(
    "/{webhook_id:str}",
    guards=WRITE,
    responses=web.problems(WebhookNotFound, PreconditionFailed, PreconditionRequired, TargetNotAllowed, WebhookTooWide),
)
async def edit_webhook(
    webhook_id: FromPath[UUID],
    revision: web.IfMatch,
    data: JSONBody[WebhookEdit],
    tx: web.Tx,
    caller: web.Caller,
    settings: web.Settings,
    now: web.Now,
) -> Webhook:
    """Change a webhook that you have read, or switch it on again: what is left out stays."""
    return await actions.edit_webhook(
        tx, caller, webhook_id, revision, data, is_production=settings.profile == "production", now=now
    )


@delete(
    "/{webhook_id:str}",
    guards=WRITE,
    responses=web.problems(WebhookNotFound, PreconditionFailed, PreconditionRequired, WebhookTooWide),
)
async def delete_webhook(webhook_id: FromPath[UUID], revision: web.IfMatch, tx: web.Tx, caller: web.Caller) -> None:
    """Delete a webhook with its log."""
    await actions.delete_webhook(tx, caller, webhook_id, revision)


@post(
    "/{webhook_id:str}/rotate",
    status_code=200,
    guards=WRITE,
    responses=web.problems(WebhookNotFound, PreconditionFailed, WebhookTooWide),
)
async def rotate_webhook(
    webhook_id: FromPath[UUID],
    data: JSONBody[SecretRotation],
    optional_revision: web.OptionalIfMatch,
    tx: web.Tx,
    vault: Vault,
    caller: web.Caller,
    now: web.Now,
) -> WebhookWithSecret:
    """Make a new secret, which is in this answer and nowhere else; for a while deliveries carry a signature of each."""
    return await actions.rotate_secret(tx, vault, caller, webhook_id, data, revision=optional_revision, now=now)


@post("/{webhook_id:str}/test", guards=WRITE, responses=web.problems(WebhookNotFound, WebhookTooWide))
async def test_webhook(webhook_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, now: web.Now) -> WebhookDelivery:
    """Tell a webhook that this is a test; look at its deliveries for what it answered."""
    return await actions.test_webhook(tx, caller, webhook_id, now)


@get("/{webhook_id:str}/deliveries", guards=READ, responses=web.problems(WebhookNotFound, InvalidCursor))
async def list_webhook_deliveries(
    webhook_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[WebhookDelivery]:
    """List what a webhook was told and what it answered, newest first; kept for 30 days."""
    await actions.read_webhook(tx, webhook_id)
    keyset = web.Keyset(WebhookPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, webhook_id))
    return keyset.page(await queries.list_deliveries(tx, webhook_id, after=keyset.after, limit=keyset.fetch))


@post(
    "/{delivery_id:str}/replay",
    status_code=200,
    guards=WRITE,
    responses=web.problems(WebhookDeliveryNotFound, DeliveryNotEnded),
)
async def replay_webhook_delivery(delivery_id: FromPath[UUID], tx: web.Tx, now: web.Now) -> WebhookDelivery:
    """Tell once more what was told, under the same id."""
    return await actions.replay_delivery(tx, delivery_id, now)


WEBHOOKS = Router(
    "/api/crm/v1/webhooks",
    route_handlers=[
        list_webhooks,
        create_webhook,
        read_webhook,
        edit_webhook,
        delete_webhook,
        rotate_webhook,
        test_webhook,
        list_webhook_deliveries,
    ],
    dependencies=PROVIDERS,
)
WEBHOOK_DELIVERIES = Router("/api/crm/v1/webhook-deliveries", route_handlers=[replay_webhook_delivery])
