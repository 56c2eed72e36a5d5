"""What billing consists of."""

from pathlib import Path

from carbot_billing.plans.routes import PLANS
from carbot_billing.subscriptions import actions, events, queries
from carbot_billing.subscriptions.routes import SUBSCRIPTION
from carbot_contracts.tenancy import OrganizationChanged, OrganizationRegistered
from carbot_core import directory
from carbot_core.consume import Consumer
from carbot_core.service import Service

ROUTERS = (PLANS, SUBSCRIPTION)
CONSUMERS = (
    directory.consumer("billing"),
    Consumer(
        "billing",
        "subscriptions",
        "TENANCY",
        {OrganizationRegistered: events.begin_trial, OrganizationChanged: events.begin_trial},
    ),
)
TIMERS = {actions.TRIAL_ENDS: events.end_trial}
ANNOUNCERS = {"subscription": queries.list_subscription_states}

SERVICE = Service(
    name="billing",
    folder=Path(__file__).parent,
    routers=ROUTERS,
    consumers=CONSUMERS,
    timers=TIMERS,
    announcers=ANNOUNCERS,
)
