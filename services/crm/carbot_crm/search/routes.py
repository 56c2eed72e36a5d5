"""The search over HTTP."""

from typing import Annotated

from litestar import Router, get
from litestar.params import FromQuery, QueryParameter

from carbot_contracts import scopes
from carbot_core import web
from carbot_crm.search import actions, queries
from carbot_crm.search.actions import SearchTooShort
from carbot_crm.search.models import Hits


@get("/", guards=[web.requires(scopes.CUSTOMERS_READ)], responses=web.problems(SearchTooShort))
async def search(
    tx: web.Tx,
    caller: web.Caller,
    text: Annotated[
        str,
        QueryParameter(
            name="q", min_length=1, max_length=100, description="Names, addresses, parts of numbers, plates"
        ),
    ],
    limit: FromQuery[Annotated[int, QueryParameter(ge=1, le=50, description="How many at most")]] = 20,
) -> Hits:
    """Search customers, and the leads and vehicles that you may read, best first.

    Umlauts, accents and small typing errors do not matter: Müller, Mueller and Muller are one.
    """
    return Hits(
        await queries.find(
            tx,
            actions.read_terms(text),
            with_leads=scopes.LEADS_READ in caller.scopes,
            with_vehicles=scopes.VEHICLES_READ in caller.scopes,
            limit=limit,
        )
    )


SEARCH = Router("/api/crm/v1/search", route_handlers=[search])
