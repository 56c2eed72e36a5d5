"""Assignment rules over HTTP."""

from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.errors import PreconditionFailed, PreconditionRequired
from carbot_core.web.pages import InvalidCursor
from carbot_crm.assignment_rules import actions, queries
from carbot_crm.assignment_rules.actions import (
    AssignmentRuleExists,
    AssignmentRuleNotFound,
    AssignmentRuleTooWide,
    OneMemberNeeded,
    RuleMemberNotFound,
)
from carbot_crm.assignment_rules.models import (
    AssignmentRule,
    AssignmentRuleEdit,
    AssignmentRulePosition,
    NewAssignmentRule,
)
from carbot_crm.leads.actions import WorkshopNotFound

READ = [web.requires(scopes.ASSIGNMENT_RULES_READ)]
WRITE = [web.requires(scopes.ASSIGNMENT_RULES_WRITE)]


@get("/", guards=READ, responses=web.problems(InvalidCursor))
async def list_assignment_rules(
    tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[AssignmentRule]:
    """List assignment rules, oldest first."""
    bound_to = (caller.organization_id, "assignment_rules")
    keyset = web.Keyset(AssignmentRulePosition, limit=limit, cursor=cursor, bound_to=bound_to)
    after = keyset.after.id if keyset.after else None
    return keyset.page(await queries.list_assignment_rules(tx, after=after, limit=keyset.fetch))


@post(
    "/",
    guards=WRITE,
    responses=web.problems(
        WorkshopNotFound, RuleMemberNotFound, AssignmentRuleExists, AssignmentRuleTooWide, OneMemberNeeded
    ),
)
async def create_assignment_rule(
    data: JSONBody[NewAssignmentRule], tx: web.Tx, caller: web.Caller, now: web.Now
) -> AssignmentRule:
    """Say who gets the new leads of a workshop, or of all that have no active rule of their own."""
    return await actions.create_assignment_rule(tx, caller, data, now=now)


@get("/{assignment_rule_id:str}", guards=READ, responses=web.problems(AssignmentRuleNotFound))
async def read_assignment_rule(assignment_rule_id: FromPath[UUID], tx: web.Tx) -> AssignmentRule:
    """Read an assignment rule."""
    rule = await queries.find_assignment_rule(tx, assignment_rule_id)
    if rule is None:
        raise AssignmentRuleNotFound(rule=assignment_rule_id)
    return rule


@patch(
    "/{assignment_rule_id:str}",
    guards=WRITE,
    responses=web.problems(
        AssignmentRuleNotFound,
        RuleMemberNotFound,
        PreconditionFailed,
        PreconditionRequired,
        AssignmentRuleTooWide,
        OneMemberNeeded,
    ),
)
async def edit_assignment_rule(
    assignment_rule_id: FromPath[UUID],
    revision: web.IfMatch,
    data: JSONBody[AssignmentRuleEdit],
    tx: web.Tx,
    caller: web.Caller,
    now: web.Now,
) -> AssignmentRule:
    """Change or switch off an assignment rule that you have read: what is left out stays."""
    return await actions.edit_assignment_rule(tx, caller, assignment_rule_id, revision, data, now=now)


@delete(
    "/{assignment_rule_id:str}",
    guards=WRITE,
    responses=web.problems(AssignmentRuleNotFound, PreconditionFailed, PreconditionRequired, AssignmentRuleTooWide),
)
async def delete_assignment_rule(
    assignment_rule_id: FromPath[UUID], revision: web.IfMatch, tx: web.Tx, caller: web.Caller
) -> None:
    """Delete an assignment rule that you have read; leads keep whom they were given to."""
    await actions.delete_assignment_rule(tx, caller, assignment_rule_id, revision)


ASSIGNMENT_RULES = Router(
    "/api/crm/v1/assignment-rules",
    route_handlers=[
        list_assignment_rules,
        create_assignment_rule,
        read_assignment_rule,
        edit_assignment_rule,
        delete_assignment_rule,
    ],
)
