"""One's own account over HTTP."""

from litestar import Router, get, patch, post
from litestar.params import JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.errors import PreconditionFailed, PreconditionRequired
from carbot_tenancy.accounts import actions
from carbot_tenancy.accounts.actions import AccountNotFound, SameEmail
from carbot_tenancy.accounts.models import (
    AccountEdit,
    EmailChange,
    EmailChangeTaken,
    EmailConfirmation,
    PasswordChange,
    Profile,
    Reset,
    ResetRequest,
    ResetTaken,
)
from carbot_tenancy.auth.credentials import TooManyFailures, WrongCredentials
from carbot_tenancy.dependencies import PROVIDERS, Passwords
from carbot_tenancy.fields import InvalidEmail
from carbot_tenancy.links import TokenNotValid
from carbot_tenancy.passwords import PasswordsBusy, WeakPassword

OWN = [web.requires(scopes.SESSION, while_suspended=True)]
RECENT = [web.requires(scopes.SESSION, max_age=web.RECENT, while_suspended=True)]


@get("/me", guards=OWN, responses=web.problems(AccountNotFound))
async def read_account(tx: web.Tx, caller: web.Caller) -> Profile:
    """Read your account and the organisations that you belong to."""
    return await actions.read_profile(tx, caller.id)


@patch("/me", guards=OWN, responses=web.problems(AccountNotFound, PreconditionFailed, PreconditionRequired))
async def edit_account(
    revision: web.IfMatch, data: JSONBody[AccountEdit], tx: web.Tx, caller: web.Caller, now: web.Now
) -> Profile:
    """Change your name or language: what is left out stays."""
    return await actions.edit_account(tx, caller.id, revision, data, now)


@post(
    "/password",
    status_code=204,
    guards=OWN,
    responses=web.problems(AccountNotFound, WrongCredentials, TooManyFailures, WeakPassword, PasswordsBusy),
)
async def change_password(
    data: JSONBody[PasswordChange],
    db: web.Db,
    begin: web.Begin,
    passwords: Passwords,
    caller: web.Caller,
    origin: web.Origin,
    now: web.Now,
) -> None:
    """Change your password. All your other sessions are ended, and you are told by mail."""
    await actions.change_password(db, begin, passwords, caller, data, origin.context(), address=origin.address, now=now)


@post("/password-reset", status_code=202, responses=web.problems(InvalidEmail))
async def request_password_reset(
    data: JSONBody[ResetRequest], db: web.Db, origin: web.Origin, now: web.Now
) -> ResetTaken:
    """Ask for a link by which to choose a new password. The answer is the same whether the address is known or not."""
    await actions.request_reset(db, data.email, origin.context(), now)
    return ResetTaken()


@post(
    "/password-reset/confirm",
    status_code=204,
    responses=web.problems(TokenNotValid, WeakPassword, PasswordsBusy),
)
async def reset_password(
    data: JSONBody[Reset], db: web.Db, passwords: Passwords, origin: web.Origin, now: web.Now
) -> None:
    """Choose a new password by the link's token, which is good for an hour. All your sessions are ended."""
    await actions.reset_password(db, passwords, data, origin.context(), now=now)


@post("/email", status_code=202, guards=RECENT, responses=web.problems(AccountNotFound, InvalidEmail, SameEmail))
async def request_email_change(
    data: JSONBody[EmailChange], tx: web.Tx, caller: web.Caller, now: web.Now
) -> EmailChangeTaken:
    """Ask for another e-mail address. It counts once you follow the link that is sent there; the old one is told."""
    await actions.request_email_change(tx, caller.id, data.email, now)
    return EmailChangeTaken()


@post("/email/confirm", status_code=204, responses=web.problems(TokenNotValid))
async def confirm_email(data: JSONBody[EmailConfirmation], db: web.Db, origin: web.Origin, now: web.Now) -> None:
    """Prove the new address by the link's token. From now on you sign in with it."""
    await actions.confirm_email(db, data.token, origin.context(), now=now)


ACCOUNTS = Router(
    "/api/tenancy/v1/auth",
    route_handlers=[
        read_account,
        edit_account,
        change_password,
        request_password_reset,
        reset_password,
        request_email_change,
        confirm_email,
    ],
    dependencies=PROVIDERS,
)
