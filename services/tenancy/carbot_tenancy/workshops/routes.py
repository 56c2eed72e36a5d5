"""Workshops over HTTP."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.errors import PreconditionFailed, PreconditionRequired
from carbot_core.fields import InvalidPhone
from carbot_core.web.pages import InvalidCursor
from carbot_tenancy.federal_states import UnknownPostalCode
from carbot_tenancy.fields import InvalidEmail, UnknownTimeZone
from carbot_tenancy.workshops import actions, queries
from carbot_tenancy.workshops.actions import (
    ForeignMunicipality,
    IncompletePlace,
    MasterNotYours,
    MasterWorkshopInactive,
    MasterWorkshopNeeded,
    RestrictedToWorkshops,
    SlugTaken,
    WorkshopNotFound,
)
from carbot_tenancy.workshops.geography import box_around
from carbot_tenancy.workshops.models import Nearby, NewWorkshop, Workshop, WorkshopEdit, WorkshopPosition

READ = [web.requires(scopes.WORKSHOPS_READ)]
WRITE = [web.requires(scopes.WORKSHOPS_WRITE)]
NOT_VALID = (UnknownPostalCode, ForeignMunicipality, IncompletePlace, InvalidPhone, InvalidEmail, UnknownTimeZone)

Latitude = FromQuery[Annotated[float, QueryParameter(ge=-90, le=90, description="Degrees north (WGS 84)")]]
Longitude = FromQuery[Annotated[float, QueryParameter(ge=-180, le=180, description="Degrees east (WGS 84)")]]
Radius = FromQuery[Annotated[float, QueryParameter(gt=0, le=500, description="Kilometres")]]


@get("/", guards=READ, responses=web.problems(InvalidCursor))
async def list_workshops(
    tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[Workshop]:
    """List the workshops that you see, oldest first."""
    keyset = web.Keyset(WorkshopPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, "workshops"))
    after = keyset.after.id if keyset.after else None
    return keyset.page(await queries.list_workshops(tx, after=after, limit=keyset.fetch))


@get("/nearby", guards=READ)
async def list_nearby_workshops(tx: web.Tx, latitude: Latitude, longitude: Longitude, radius_km: Radius) -> Nearby:
    """List the active workshops that you see near a place, nearest first, at most 100."""
    box = box_around(latitude, longitude, radius_km)
    return Nearby(await queries.list_nearby(tx, box, latitude=latitude, longitude=longitude, radius_km=radius_km))


@post("/", guards=WRITE, responses=web.problems(*NOT_VALID, SlugTaken, RestrictedToWorkshops))
async def create_workshop(data: JSONBody[NewWorkshop], tx: web.Tx, caller: web.Caller, now: web.Now) -> Workshop:
    """Add a workshop. The first one is the master workshop; the federal state follows from the postal code."""
    return await actions.create_workshop(tx, caller, data, now)


@get("/{workshop_id:str}", guards=READ, responses=web.problems(WorkshopNotFound))
async def read_workshop(workshop_id: FromPath[UUID], tx: web.Tx) -> Workshop:
    """Read a workshop."""
    workshop = await queries.find_workshop(tx, workshop_id)
    if workshop is None:
        raise WorkshopNotFound(workshop=workshop_id)
    return workshop


@patch(
    "/{workshop_id:str}",
    guards=WRITE,
    responses={
        **web.problems(WorkshopNotFound, PreconditionFailed, PreconditionRequired, MasterNotYours, *NOT_VALID),
        **web.problems(SlugTaken, MasterWorkshopNeeded, MasterWorkshopInactive),
    },
)
async def edit_workshop(
    workshop_id: FromPath[UUID],
    revision: web.IfMatch,
    data: JSONBody[WorkshopEdit],
    tx: web.Tx,
    caller: web.Caller,
    now: web.Now,
) -> Workshop:
    """Change a workshop that you have read: what is left out stays, null empties.

    A workshop is never deleted: is_active false ends its work. With is_master_workshop true it takes over from the other one.
    """
    return await actions.edit_workshop(tx, caller, workshop_id, revision, data, now=now)


WORKSHOPS = Router(
    "/api/tenancy/v1/workshops",
    route_handlers=[list_workshops, list_nearby_workshops, create_workshop, read_workshop, edit_workshop],
)
