"""The caller's organisation over HTTP."""

from litestar import Router, get, post
from litestar.params import JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.errors import PreconditionFailed
from carbot_tenancy.organizations import actions
from carbot_tenancy.organizations.actions import OrganizationNotFound
from carbot_tenancy.organizations.models import Closing, Organization


@get("/current", guards=[web.requires(scopes.ORGANIZATION_READ)], responses=web.problems(OrganizationNotFound))
async def read_organization(tx: web.Tx) -> Organization:
    """Read your organisation."""
    return await actions.read_organization(tx)


@post(
    "/current/close",
    status_code=202,
    guards=[web.requires(scopes.ORGANIZATION_CLOSE)],
    responses=web.problems(OrganizationNotFound, PreconditionFailed),
)
async def close_organization(
    data: JSONBody[Closing],  # noqa: ARG001 - an empty object, so that nobody closes it by a stray POST
    optional_revision: web.OptionalIfMatch,
    tx: web.Tx,
    now: web.Now,
) -> Organization:
    """Begin to close your organisation: within 3 seconds all its tokens are refused."""
    return await actions.close_organization(tx, optional_revision, now)


ORGANIZATIONS = Router("/api/tenancy/v1/organizations", route_handlers=[read_organization, close_organization])
