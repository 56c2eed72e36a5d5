"""Landing pages over HTTP."""

from typing import Annotated
from uuid import UUID

from litestar import Response, Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.auth.guests import GUEST, AsGuest, OriginNotAllowed, PublishableKeyNotValid
from carbot_core.errors import PreconditionFailed, PreconditionRequired
from carbot_core.web.pages import InvalidCursor
from carbot_core.web.published import NOT_MODIFIED, IfNoneMatch, published
from carbot_crm.chat.models import Language
from carbot_crm.landing_pages import actions, queries
from carbot_crm.landing_pages.actions import LandingPageNotFound, SlugTaken
from carbot_crm.landing_pages.models import (
    LandingPage,
    LandingPageEdit,
    LandingPagePosition,
    NewLandingPage,
    PublishedPage,
)
from carbot_crm.leads.actions import WorkshopNotFound

READ = [web.requires(scopes.CONTENT_READ)]
WRITE = [web.requires(scopes.CONTENT_WRITE)]
EDIT_PROBLEMS = (LandingPageNotFound, PreconditionFailed, PreconditionRequired)


@get("/", guards=READ, responses=web.problems(InvalidCursor))
async def list_landing_pages(
    tx: web.Tx,
    caller: web.Caller,
    workshop_id: FromQuery[Annotated[UUID | None, QueryParameter(description="Only those of this workshop")]] = None,
    limit: web.Limit = 50,
    cursor: web.Cursor = None,
) -> web.Page[LandingPage]:
    """List landing pages, newest first, also those that are not published."""
    bound_to = (caller.organization_id, workshop_id)
    keyset = web.Keyset(LandingPagePosition, limit=limit, cursor=cursor, bound_to=bound_to)
    return keyset.page(
        await queries.list_landing_pages(tx, workshop_id=workshop_id, after=keyset.after, limit=keyset.fetch)
    )


@post("/", guards=WRITE, responses=web.problems(WorkshopNotFound, SlugTaken))
async def create_landing_page(data: JSONBody[NewLandingPage], tx: web.Tx, now: web.Now) -> LandingPage:
    """Add a landing page."""
    return await actions.create_landing_page(tx, data, now)


@get("/{page_id:str}", guards=READ, responses=web.problems(LandingPageNotFound))
async def read_landing_page(page_id: FromPath[UUID], tx: web.Tx) -> LandingPage:
    """Read a landing page."""
    page = await queries.find_landing_page(tx, page_id)
    if page is None:
        raise LandingPageNotFound(page=page_id)
    return page


@patch("/{page_id:str}", guards=WRITE, responses=web.problems(*EDIT_PROBLEMS, SlugTaken))
async def edit_landing_page(
    page_id: FromPath[UUID], revision: web.IfMatch, data: JSONBody[LandingPageEdit], tx: web.Tx, now: web.Now
) -> LandingPage:
    """Change a landing page that you have read: what is left out stays."""
    return await actions.edit_landing_page(tx, page_id, revision, data, now=now)


@delete("/{page_id:str}", guards=WRITE, responses=web.problems(*EDIT_PROBLEMS))
async def delete_landing_page(page_id: FromPath[UUID], revision: web.IfMatch, tx: web.Tx) -> None:
    """Delete a landing page that you have read."""
    await actions.delete_landing_page(tx, page_id, revision)


@get("/", responses={**NOT_MODIFIED, **web.problems(PublishableKeyNotValid, OriginNotAllowed, LandingPageNotFound)})
async def read_published_page(
    guest: AsGuest,
    slug: FromQuery[Annotated[str, QueryParameter(max_length=60, description="Which page")]],
    language: FromQuery[Annotated[Language, QueryParameter(description="In which language")]] = "de",
    if_none_match: IfNoneMatch = None,
) -> Response[PublishedPage]:
    """Read a page of the key's workshop for its visitors. May be kept for a minute; ask again with If-None-Match."""
    page = await queries.find_published(guest.tx, guest.workshop_id, slug, language)
    if page is None:
        raise LandingPageNotFound
    return published(page, if_none_match)


LANDING_PAGES = Router(
    "/api/crm/v1/landing-pages",
    route_handlers=[
        list_landing_pages,
        create_landing_page,
        read_landing_page,
        edit_landing_page,
        delete_landing_page,
    ],
)
PUBLIC_LANDING_PAGES = Router(
    "/api/crm/v1/public/landing-pages", route_handlers=[read_published_page], dependencies=GUEST
)
