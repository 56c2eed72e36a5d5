"""The caller's organisation over HTTP."""

from litestar import Router, get, patch, post
from litestar.params import JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.errors import PreconditionFailed, PreconditionRequired
from carbot_tenancy.dependencies import PROVIDERS, Clock
from carbot_tenancy.organizations import actions
from carbot_tenancy.organizations.actions import CannotReopen, OrganizationNotFound
from carbot_tenancy.organizations.legal import InvalidLegalData
from carbot_tenancy.organizations.models import Closing, Organization, OrganizationEdit


@get("/current", guards=[web.requires(scopes.ORGANIZATION_READ)], responses=web.problems(OrganizationNotFound))
async def read_organization(tx: web.Tx) -> Organization:
    """Read your organisation. `missing` names what its legal form still needs."""
    return await actions.read_organization(tx)


@patch(
    "/current",
    guards=[web.requires(scopes.ORGANIZATION_WRITE)],
    responses=web.problems(OrganizationNotFound, PreconditionFailed, PreconditionRequired, InvalidLegalData),
)
async def edit_organization(
    revision: web.IfMatch, data: JSONBody[OrganizationEdit], tx: web.Tx, now: web.Now
) -> Organization:
    """Change your organisation's legal data, language or time zone: what is left out stays, null empties."""
    return await actions.edit_organization(tx, revision, data, now)


@post(
    "/current/close",
    status_code=202,
    guards=[web.requires(scopes.ORGANIZATION_CLOSE, max_age=web.RECENT, while_suspended=True)],
    responses=web.problems(OrganizationNotFound, PreconditionFailed),
)
async def close_organization(
    data: JSONBody[Closing],  # noqa: ARG001 - an empty object, so that nobody closes it by a stray POST
    optional_revision: web.OptionalIfMatch,
    tx: web.Tx,
    clock: Clock,
) -> Organization:
    """Begin to close your organisation: within 3 seconds all its tokens are refused, after 30 days it is erased."""
    return await actions.close_organization(tx, optional_revision, clock)


@post(
    "/current/reopen",
    status_code=200,
    guards=[web.requires(scopes.ORGANIZATION_CLOSE, while_suspended=True)],
    responses=web.problems(OrganizationNotFound, PreconditionFailed, CannotReopen),
)
async def reopen_organization(optional_revision: web.OptionalIfMatch, tx: web.Tx, now: web.Now) -> Organization:
    """Take the closing back within its 30 days: everything is as it was, and everybody can sign in again."""
    return await actions.reopen_organization(tx, optional_revision, now)


ORGANIZATIONS = Router(
    "/api/tenancy/v1/organizations",
    route_handlers=[read_organization, edit_organization, close_organization, reopen_organization],
    dependencies=PROVIDERS,
)
