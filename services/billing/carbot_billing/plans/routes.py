"""Plans over HTTP."""

from litestar import Router, get

from carbot_billing.plans import queries
from carbot_billing.plans.models import Plans
from carbot_core import web


@get("/")
async def list_plans(db: web.Db, origin: web.Origin) -> Plans:
    """List what can be subscribed to, the cheapest first. Prices are net, in cents."""
    async with db.transaction(origin.context(), read_only=True) as tx:
        return Plans(await queries.list_plans(tx))


PLANS = Router("/api/billing/v1/plans", route_handlers=[list_plans])
