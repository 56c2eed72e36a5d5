"""Signing in over HTTP."""

from litestar import Router, post
from litestar.params import JSONBody

from carbot_core import web
from carbot_tenancy.auth import actions
from carbot_tenancy.auth.actions import NotAMember, TooManyFailures, WrongCredentials
from carbot_tenancy.auth.models import SignIn
from carbot_tenancy.dependencies import PROVIDERS, KeyRing, Passwords
from carbot_tenancy.passwords import PasswordsBusy
from carbot_tenancy.sessions.actions import OrganizationClosing
from carbot_tenancy.sessions.models import Tokens


@post(
    "/login",
    status_code=200,
    responses=web.problems(WrongCredentials, TooManyFailures, NotAMember, OrganizationClosing, PasswordsBusy),
)
async def sign_in(
    data: JSONBody[SignIn],
    db: web.Db,
    passwords: Passwords,
    keyring: KeyRing,
    origin: web.Origin,
    now: web.Now,
) -> Tokens:
    """Sign in. The access token is good for 10 minutes; the refresh token gets the next one."""
    return await actions.sign_in(
        db,
        passwords,
        keyring,
        data,
        origin.context(),
        user_agent=origin.user_agent,
        address=origin.address,
        now=now,
    )


AUTH = Router("/api/tenancy/v1/auth", route_handlers=[sign_in], dependencies=PROVIDERS)
