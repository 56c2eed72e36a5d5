"""The lead dashboard over HTTP."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import Router, get
from litestar.params import FromQuery, QueryParameter

from carbot_contracts import scopes
from carbot_core import web
from carbot_crm.customers.actions import WorkshopNotFound
from carbot_crm.dashboard import queries
from carbot_crm.dashboard.models import Dashboard


@get("/leads", guards=[web.requires(scopes.LEADS_READ)], responses=web.problems(WorkshopNotFound), opt=web.MAY_BE_STALE)
async def read_lead_dashboard(
    tx: web.Tx,
    now: web.Now,
    workshop_id: FromQuery[Annotated[UUID, QueryParameter(description="Of this workshop")]],
    days: FromQuery[Annotated[Literal[7, 30, 90], QueryParameter(description="So many days, today among them")]] = 30,
) -> Dashboard:
    """Count a workshop's leads: today's, by status, source, score and day, how fast they were answered, and whom to call first."""
    dashboard = await queries.read_dashboard(tx, workshop_id, days=days, now=now)
    if dashboard is None:
        raise WorkshopNotFound(workshop=workshop_id)
    return dashboard


DASHBOARD = Router("/api/crm/v1/dashboard", route_handlers=[read_lead_dashboard])
