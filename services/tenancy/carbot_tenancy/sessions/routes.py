"""Sessions over HTTP."""

from litestar import Router, post
from litestar.params import JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_tenancy.dependencies import PROVIDERS, KeyRing
from carbot_tenancy.sessions import actions
from carbot_tenancy.sessions.actions import OrganizationClosing, RefreshTokenNotValid
from carbot_tenancy.sessions.models import Refresh, Tokens


@post("/refresh", status_code=200, responses=web.problems(RefreshTokenNotValid, OrganizationClosing))
async def refresh_session(
    data: JSONBody[Refresh], db: web.Db, keyring: KeyRing, origin: web.Origin, now: web.Now
) -> Tokens:
    """Get the next tokens. A refresh token works once; shown again after more than 10 seconds it ends the session."""
    return await actions.refresh(db, keyring, data.refresh_token, origin.context(), now)


@post("/logout", status_code=204, guards=[web.requires(scopes.SESSION)])
async def end_session(tx: web.Tx, caller: web.Caller, now: web.Now) -> None:
    """Sign out: the session's tokens are refused everywhere within 3 seconds."""
    await actions.sign_out(tx, caller.session_id, now)


SESSIONS = Router("/api/tenancy/v1/auth", route_handlers=[refresh_session, end_session], dependencies=PROVIDERS)
