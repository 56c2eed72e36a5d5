"""The subscription over HTTP."""

from litestar import Router, get

from carbot_billing.subscriptions import actions
from carbot_billing.subscriptions.actions import SubscriptionNotFound
from carbot_billing.subscriptions.models import Subscription
from carbot_contracts import scopes
from carbot_core import web


@get("/", guards=[web.requires(scopes.SUBSCRIPTION_READ)], responses=web.problems(SubscriptionNotFound))
async def read_subscription(tx: web.Tx) -> Subscription:
    """Read the subscription of your organisation, with its plan."""
    return await actions.read_subscription(tx)


SUBSCRIPTION = Router("/api/billing/v1/subscription", route_handlers=[read_subscription])
