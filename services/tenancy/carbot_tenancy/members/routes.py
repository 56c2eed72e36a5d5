"""Members over HTTP."""

from uuid import UUID

from litestar import Router, get, patch, post
from litestar.params import FromPath, JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.errors import PreconditionFailed, PreconditionRequired
from carbot_core.web.pages import InvalidCursor
from carbot_tenancy.dependencies import PROVIDERS, Clock
from carbot_tenancy.members import actions, queries
from carbot_tenancy.members.actions import LastOwner, MemberNotFound, NotTheOwner, OwnerAlready
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


@get("/{member_id:str}", guards=[web.requires(scopes.MEMBERS_READ)], responses=web.problems(MemberNotFound))
async def read_member(member_id: FromPath[UUID], tx: web.Tx) -> Member:
    """Read a member."""
    member = await queries.find_member(tx, member_id)
    if member is None:
        raise MemberNotFound(member=member_id)
    return member


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
    """Change a member's role or workshops, or end the membership. The member's tokens are refused within 3 seconds.

    Whoever's membership ends is signed out for good: after coming back, a new sign-in is needed.
    """
    return await actions.edit_member(tx, caller, member_id, revision, data, clock=clock)


@post(
    "/{member_id:str}/transfer-ownership",
    status_code=200,
    guards=[web.requires(scopes.OWNERSHIP_TRANSFER, max_age=web.RECENT)],
    responses=web.problems(MemberNotFound, NotTheOwner, OwnerAlready),
)
async def transfer_ownership(member_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, clock: Clock) -> Member:
    """Make another member the owner of the organisation, with all its workshops. You become an admin."""
    return await actions.transfer_ownership(tx, caller, member_id, clock=clock)


@post(
    "/leave",
    status_code=204,
    guards=[web.requires(scopes.SESSION, while_suspended=True)],
    responses=web.problems(LastOwner),
)
async def leave_organization(tx: web.Tx, caller: web.Caller, clock: Clock) -> None:
    """Leave the organisation: your sessions in it end. The last owner cannot."""
    await actions.leave(tx, caller, clock=clock)


MEMBERS = Router(
    "/api/tenancy/v1/members",
    route_handlers=[list_members, read_member, edit_member, transfer_ownership, leave_organization],
    dependencies=PROVIDERS,
)
