"""The second factor over HTTP."""

from litestar import Router, post
from litestar.params import JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_tenancy.accounts.actions import AccountNotFound
from carbot_tenancy.dependencies import PROVIDERS, Vault
from carbot_tenancy.second_factors import actions
from carbot_tenancy.second_factors.actions import SecondFactorOff, SecondFactorOn, WrongCode
from carbot_tenancy.second_factors.models import Confirmation, Enrolment, RecoveryCodes

RECENT = [web.requires(scopes.SESSION, max_age=web.RECENT, while_suspended=True)]


@post("/", status_code=200, guards=RECENT, responses=web.problems(AccountNotFound, SecondFactorOn))
async def enrol_second_factor(tx: web.Tx, caller: web.Caller, vault: Vault, now: web.Now) -> Enrolment:
    """Begin to set up an authenticator app. It counts once you have confirmed it; until then this may be repeated."""
    return await actions.enrol(tx, vault, caller.id, now)


@post("/confirm", status_code=200, guards=RECENT, responses=web.problems(SecondFactorOff, SecondFactorOn, WrongCode))
async def confirm_second_factor(
    data: JSONBody[Confirmation], tx: web.Tx, caller: web.Caller, vault: Vault, now: web.Now
) -> RecoveryCodes:
    """Show that the app works. From now on signing in asks for a code; keep the recovery codes where you find them."""
    return await actions.confirm(tx, vault, caller.id, data.totp, now)


@post("/remove", status_code=204, guards=RECENT, responses=web.problems(SecondFactorOff))
async def remove_second_factor(tx: web.Tx, caller: web.Caller, now: web.Now) -> None:
    """Remove the second factor and its recovery codes. You are told by mail."""
    await actions.remove(tx, caller.id, now)


@post("/recovery-codes", status_code=200, guards=RECENT, responses=web.problems(SecondFactorOff))
async def renew_recovery_codes(tx: web.Tx, caller: web.Caller, now: web.Now) -> RecoveryCodes:
    """Make ten new recovery codes; those before work no more."""
    return await actions.renew_recovery_codes(tx, caller.id, now)


SECOND_FACTORS = Router(
    "/api/tenancy/v1/auth/second-factor",
    route_handlers=[enrol_second_factor, confirm_second_factor, remove_second_factor, renew_recovery_codes],
    dependencies=PROVIDERS,
)
