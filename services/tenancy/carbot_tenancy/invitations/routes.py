"""Invitations over HTTP."""

from litestar import Router, get, post
from litestar.params import JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.web.pages import InvalidCursor
from carbot_tenancy.auth.credentials import SecondFactorRequired, TooManyFailures, WrongCredentials
from carbot_tenancy.dependencies import PROVIDERS, Passwords, Vault
from carbot_tenancy.fields import InvalidEmail
from carbot_tenancy.invitations import actions, queries
from carbot_tenancy.invitations.models import Acceptance, Invitation, InvitationPosition, Joined, NewInvitation
from carbot_tenancy.links import TokenNotValid
from carbot_tenancy.members.actions import AlreadyAMember
from carbot_tenancy.members.grants import GrantTooWide, OwnerSeesAll
from carbot_tenancy.passwords import PasswordsBusy, WeakPassword
from carbot_tenancy.workshops.actions import WorkshopNotFound


@get("/", guards=[web.requires(scopes.MEMBERS_READ)], responses=web.problems(InvalidCursor))
async def list_invitations(
    tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[Invitation]:
    """List the invitations of your organisation, newest first."""
    keyset = web.Keyset(
        InvitationPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, "invitations")
    )
    after = keyset.after.id if keyset.after else None
    return keyset.page(await queries.list_invitations(tx, after=after, limit=keyset.fetch))


@post(
    "/",
    guards=[web.requires(scopes.MEMBERS_WRITE)],
    responses=web.problems(InvalidEmail, OwnerSeesAll, GrantTooWide, WorkshopNotFound, AlreadyAMember),
)
async def create_invitation(data: JSONBody[NewInvitation], tx: web.Tx, caller: web.Caller, now: web.Now) -> Invitation:
    """Invite somebody by mail. The link works once, for 72 hours."""
    return await actions.invite(tx, caller, data, now)


@post(
    "/accept",
    responses=web.problems(
        TokenNotValid,
        WeakPassword,
        WrongCredentials,
        SecondFactorRequired,
        TooManyFailures,
        AlreadyAMember,
        PasswordsBusy,
    ),
)
async def accept_invitation(
    data: JSONBody[Acceptance],
    db: web.Db,
    passwords: Passwords,
    vault: Vault,
    origin: web.Origin,
    now: web.Now,
) -> Joined:
    """Join by the link's token. Whoever has an account joins with it and gives its password."""
    return await actions.accept(db, passwords, vault, data, origin.context(), address=origin.address, now=now)


INVITATIONS = Router(
    "/api/tenancy/v1/invitations",
    route_handlers=[list_invitations, create_invitation, accept_invitation],
    dependencies=PROVIDERS,
)
