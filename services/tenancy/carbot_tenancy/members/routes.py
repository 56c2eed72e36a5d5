"""Members over HTTP."""

from uuid import UUID

from litestar import Router, get, patch
from litestar.params import FromPath, JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.errors import PreconditionFailed, PreconditionRequired
from carbot_core.web.pages import InvalidCursor
from carbot_tenancy.dependencies import PROVIDERS, Clock
from carbot_tenancy.members import actions, queries
from carbot_tenancy.members.actions import LastOwner, MemberNotFound
from carbot_tenancy.members.grants import GrantTooWide, OwnerSeesAll
from carbot_tenancy.members.models import Member, MemberEdit, MemberPosition
from carbot_tenancy.workshops.actions import WorkshopNotFound


@get("/", guards=[web.requires(scopes.MEMBERS_READ)], responses=web.problems(InvalidCursor))
async def list_members(
    tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[Member]:
    """List the members of your organisation, first joined first."""
    keyset = web.Keyset(MemberPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, "members"))
    after = keyset.after.id if keyset.after else None
    return keyset.page(await queries.list_members(tx, after=after, limit=keyset.fetch))


@patch(
    "/{member_id:str}",
    guards=[web.requires(scopes.MEMBERS_WRITE)],
    responses={
        **web.problems(PreconditionFailed, PreconditionRequired, GrantTooWide, OwnerSeesAll, LastOwner),
        **web.problems(MemberNotFound, WorkshopNotFound),
    },
)
async def edit_member(
    member_id: FromPath[UUID],
    revision: web.IfMatch,
    data: JSONBody[MemberEdit],
    tx: web.Tx,
    caller: web.Caller,
    clock: Clock,
) -> Member:
    """Change a member's role or workshops, or end the membership. The member's tokens are refused within 3 seconds."""
    return await actions.edit_member(tx, caller, member_id, revision, data, clock=clock)


MEMBERS = Router("/api/tenancy/v1/members", route_handlers=[list_members, edit_member], dependencies=PROVIDERS)
