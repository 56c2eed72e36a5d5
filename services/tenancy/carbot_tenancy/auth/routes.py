"""Signing in over HTTP."""

from litestar import Router, post
from litestar.params import JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_tenancy.accounts.actions import AccountNotFound
from carbot_tenancy.auth import actions
from carbot_tenancy.auth.actions import NotAMember, SessionEnded
from carbot_tenancy.auth.credentials import SecondFactorRequired, TooManyFailures, WrongCredentials
from carbot_tenancy.auth.models import AccessToken, SignIn, StepUp, Switch
from carbot_tenancy.dependencies import PROVIDERS, KeyRing, Passwords, Vault
from carbot_tenancy.passwords import PasswordsBusy
from carbot_tenancy.sessions.actions import OrganizationClosing
from carbot_tenancy.sessions.models import Tokens

OWN = [web.requires(scopes.SESSION, while_suspended=True)]


@post(
    "/login",
    status_code=200,
    responses=web.problems(
        WrongCredentials, SecondFactorRequired, TooManyFailures, NotAMember, OrganizationClosing, PasswordsBusy
    ),
)
async def sign_in(
    data: JSONBody[SignIn],
    db: web.Db,
    passwords: Passwords,
    vault: Vault,
    keyring: KeyRing,
    origin: web.Origin,
    now: web.Now,
) -> Tokens:
    """Sign in. The access token is good for 10 minutes; the refresh token gets the next one."""
    return await actions.sign_in(
        db,
        passwords,
        vault,
        keyring,
        data,
        origin.context(),
        user_agent=origin.user_agent,
        address=origin.address,
        now=now,
    )


@post(
    "/step-up",
    status_code=200,
    guards=OWN,
    responses=web.problems(
        WrongCredentials, SecondFactorRequired, TooManyFailures, SessionEnded, AccountNotFound, PasswordsBusy
    ),
)
async def step_up(
    data: JSONBody[StepUp],
    db: web.Db,
    begin: web.Begin,
    passwords: Passwords,
    vault: Vault,
    keyring: KeyRing,
    caller: web.Caller,
    origin: web.Origin,
    now: web.Now,
) -> AccessToken:
    """Show your credentials once more. The new access token does for 5 minutes what `recent_sign_in_required` refuses."""
    return await actions.step_up(
        db,
        begin,
        passwords,
        vault,
        keyring,
        caller,
        data,
        origin.context(),
        address=origin.address,
        now=now,
    )


@post("/switch", status_code=200, guards=OWN, responses=web.problems(NotAMember, OrganizationClosing))
async def switch_organization(
    data: JSONBody[Switch],
    tx: web.Tx,
    keyring: KeyRing,
    caller: web.Caller,
    origin: web.Origin,
    now: web.Now,
) -> Tokens:
    """Enter another of your organisations. The session where you are stays until you end it."""
    return await actions.switch(
        tx, keyring, caller, data, user_agent=origin.user_agent, address=origin.address, now=now
    )


AUTH = Router("/api/tenancy/v1/auth", route_handlers=[sign_in, step_up, switch_organization], dependencies=PROVIDERS)
