"""Locations over HTTP."""

from uuid import UUID

from litestar import Router, get, patch, post
from litestar.params import FromPath, JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.errors import PreconditionFailed, PreconditionRequired
from carbot_core.fields import InvalidPhone
from carbot_core.web.pages import InvalidCursor
from carbot_tenancy.federal_states import UnknownPostalCode
from carbot_tenancy.locations import actions, queries
from carbot_tenancy.locations.actions import LocationNotFound, PrimaryLocationInactive, PrimaryLocationNeeded
from carbot_tenancy.locations.hours import ClosesBeforeOpening, OverlappingHours
from carbot_tenancy.locations.models import Location, LocationEdit, LocationPosition, NewLocation
from carbot_tenancy.workshops.actions import IncompletePlace, WorkshopNotFound
from carbot_tenancy.workshops.queries import find_workshop

READ = [web.requires(scopes.WORKSHOPS_READ)]
WRITE = [web.requires(scopes.WORKSHOPS_WRITE)]
NOT_VALID = (UnknownPostalCode, IncompletePlace, InvalidPhone, ClosesBeforeOpening, OverlappingHours)


@get("/workshops/{workshop_id:str}/locations", guards=READ, responses=web.problems(InvalidCursor, WorkshopNotFound))
async def list_locations(
    workshop_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[Location]:
    """List the locations of a workshop, oldest first."""
    bound_to = (caller.organization_id, "locations", workshop_id)
    keyset = web.Keyset(LocationPosition, limit=limit, cursor=cursor, bound_to=bound_to)
    if await find_workshop(tx, workshop_id) is None:
        raise WorkshopNotFound(workshop=workshop_id)
    after = keyset.after.id if keyset.after else None
    return keyset.page(await queries.list_locations(tx, workshop_id, after=after, limit=keyset.fetch))


@post("/workshops/{workshop_id:str}/locations", guards=WRITE, responses=web.problems(WorkshopNotFound, *NOT_VALID))
async def create_location(
    workshop_id: FromPath[UUID], data: JSONBody[NewLocation], tx: web.Tx, now: web.Now
) -> Location:
    """Add a location to a workshop. The first one is the primary; the federal state follows from the postal code."""
    return await actions.create_location(tx, workshop_id, data, now)


@get("/locations/{location_id:str}", guards=READ, responses=web.problems(LocationNotFound))
async def read_location(location_id: FromPath[UUID], tx: web.Tx) -> Location:
    """Read a location."""
    location = await queries.find_location(tx, location_id)
    if location is None:
        raise LocationNotFound(location=location_id)
    return location


@patch(
    "/locations/{location_id:str}",
    guards=WRITE,
    responses={
        **web.problems(LocationNotFound, PreconditionFailed, PreconditionRequired, *NOT_VALID),
        **web.problems(PrimaryLocationNeeded, PrimaryLocationInactive),
    },
)
async def edit_location(
    location_id: FromPath[UUID], revision: web.IfMatch, data: JSONBody[LocationEdit], tx: web.Tx, now: web.Now
) -> Location:
    """Change a location that you have read: what is left out stays, null empties, opening_hours are replaced as a whole.

    With is_primary true it takes over from the workshop's other one.
    """
    return await actions.edit_location(tx, location_id, revision, data, now)


LOCATIONS = Router("/api/tenancy/v1", route_handlers=[list_locations, create_location, read_location, edit_location])
