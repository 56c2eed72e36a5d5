"""Canned answers over HTTP."""

from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.errors import PreconditionFailed, PreconditionRequired
from carbot_core.web.pages import InvalidCursor
from carbot_crm.canned_answers import actions, queries
from carbot_crm.canned_answers.actions import CannedAnswerNotFound
from carbot_crm.canned_answers.models import CannedAnswer, CannedAnswerEdit, CannedAnswerPosition, NewCannedAnswer
from carbot_crm.leads.actions import WorkshopNotFound

READ = [web.requires(scopes.CHAT_READ)]
WRITE = [web.requires(scopes.CHAT_WRITE)]
EDIT_PROBLEMS = web.problems(CannedAnswerNotFound, PreconditionFailed, PreconditionRequired)


@get("/", guards=READ, responses=web.problems(InvalidCursor))
async def list_canned_answers(
    tx: web.Tx,
    caller: web.Caller,
    workshop_id: FromQuery[Annotated[UUID | None, QueryParameter(description="Only those of this workshop")]] = None,
    limit: web.Limit = 50,
    cursor: web.Cursor = None,
) -> web.Page[CannedAnswer]:
    """List canned answers, oldest first."""
    bound_to = (caller.organization_id, workshop_id)
    keyset = web.Keyset(CannedAnswerPosition, limit=limit, cursor=cursor, bound_to=bound_to)
    after = keyset.after.id if keyset.after else None
    return keyset.page(await queries.list_canned_answers(tx, workshop_id=workshop_id, after=after, limit=keyset.fetch))


@post("/", guards=WRITE, responses=web.problems(WorkshopNotFound))
async def create_canned_answer(data: JSONBody[NewCannedAnswer], tx: web.Tx, now: web.Now) -> CannedAnswer:
    """Add a canned answer."""
    return await actions.create_canned_answer(tx, data, now)


@get("/{answer_id:str}", guards=READ, responses=web.problems(CannedAnswerNotFound))
async def read_canned_answer(answer_id: FromPath[UUID], tx: web.Tx) -> CannedAnswer:
    """Read a canned answer."""
    answer = await queries.find_canned_answer(tx, answer_id)
    if answer is None:
        raise CannedAnswerNotFound(answer=answer_id)
    return answer


@patch("/{answer_id:str}", guards=WRITE, responses=EDIT_PROBLEMS)
async def edit_canned_answer(
    answer_id: FromPath[UUID], revision: web.IfMatch, data: JSONBody[CannedAnswerEdit], tx: web.Tx, now: web.Now
) -> CannedAnswer:
    """Change a canned answer that you have read: what is left out stays."""
    return await actions.edit_canned_answer(tx, answer_id, revision, data, now=now)


@delete("/{answer_id:str}", guards=WRITE, responses=EDIT_PROBLEMS)
async def delete_canned_answer(answer_id: FromPath[UUID], revision: web.IfMatch, tx: web.Tx) -> None:
    """Delete a canned answer that you have read."""
    await actions.delete_canned_answer(tx, answer_id, revision)


CANNED_ANSWERS = Router(
    "/api/crm/v1/canned-answers",
    route_handlers=[
        list_canned_answers,
        create_canned_answer,
        read_canned_answer,
        edit_canned_answer,
        delete_canned_answer,
    ],
)
