"""Questions over HTTP."""

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
from carbot_crm.faqs import actions, queries
from carbot_crm.faqs.actions import FaqNotFound
from carbot_crm.faqs.models import Faq, FaqEdit, FaqPosition, NewFaq, PublishedFaqs
from carbot_crm.leads.actions import WorkshopNotFound

READ = [web.requires(scopes.CONTENT_READ)]
WRITE = [web.requires(scopes.CONTENT_WRITE)]
EDIT_PROBLEMS = web.problems(FaqNotFound, PreconditionFailed, PreconditionRequired)


@get("/", guards=READ, responses=web.problems(InvalidCursor))
async def list_faqs(
    tx: web.Tx,
    caller: web.Caller,
    workshop_id: FromQuery[Annotated[UUID | None, QueryParameter(description="Only those of this workshop")]] = None,
    limit: web.Limit = 50,
    cursor: web.Cursor = None,
) -> web.Page[Faq]:
    """List questions in their order, also those that are not published."""
    keyset = web.Keyset(FaqPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, workshop_id))
    return keyset.page(await queries.list_faqs(tx, workshop_id=workshop_id, after=keyset.after, limit=keyset.fetch))


@post("/", guards=WRITE, responses=web.problems(WorkshopNotFound))
async def create_faq(data: JSONBody[NewFaq], tx: web.Tx, now: web.Now) -> Faq:
    """Add a question with its answer."""
    return await actions.create_faq(tx, data, now)


@get("/{faq_id:str}", guards=READ, responses=web.problems(FaqNotFound))
async def read_faq(faq_id: FromPath[UUID], tx: web.Tx) -> Faq:
    """Read a question with its answer."""
    faq = await queries.find_faq(tx, faq_id)
    if faq is None:
        raise FaqNotFound(faq=faq_id)
    return faq


@patch("/{faq_id:str}", guards=WRITE, responses=EDIT_PROBLEMS)
async def edit_faq(
    faq_id: FromPath[UUID], revision: web.IfMatch, data: JSONBody[FaqEdit], tx: web.Tx, now: web.Now
) -> Faq:
    """Change a question that you have read: what is left out stays."""
    return await actions.edit_faq(tx, faq_id, revision, data, now=now)


@delete("/{faq_id:str}", guards=WRITE, responses=EDIT_PROBLEMS)
async def delete_faq(faq_id: FromPath[UUID], revision: web.IfMatch, tx: web.Tx) -> None:
    """Delete a question that you have read."""
    await actions.delete_faq(tx, faq_id, revision)


@get("/", responses={**NOT_MODIFIED, **web.problems(PublishableKeyNotValid, OriginNotAllowed)})
async def list_published_faqs(
    guest: AsGuest,
    language: FromQuery[Annotated[Language, QueryParameter(description="In which language")]] = "de",
    if_none_match: IfNoneMatch = None,
) -> Response[PublishedFaqs]:
    """List the workshop's questions for its visitors. May be kept for a minute; ask again with If-None-Match."""
    return published(PublishedFaqs(await queries.list_published(guest.tx, guest.workshop_id, language)), if_none_match)


FAQS = Router("/api/crm/v1/faqs", route_handlers=[list_faqs, create_faq, read_faq, edit_faq, delete_faq])
PUBLIC_FAQS = Router("/api/crm/v1/public/faqs", route_handlers=[list_published_faqs], dependencies=GUEST)
