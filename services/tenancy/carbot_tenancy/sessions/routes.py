"""Sessions over HTTP."""

from uuid import UUID

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.web.pages import InvalidCursor
from carbot_tenancy.dependencies import PROVIDERS, KeyRing
from carbot_tenancy.sessions import actions, queries
from carbot_tenancy.sessions.actions import OrganizationClosing, RefreshTokenNotValid, SessionNotFound
from carbot_tenancy.sessions.models import Ending, OwnSession, OwnSessionPosition, Refresh, Tokens

OWN = [web.requires(scopes.SESSION, while_suspended=True)]


@post("/refresh", status_code=200, responses=web.problems(RefreshTokenNotValid, OrganizationClosing))
async def refresh_session(
    data: JSONBody[Refresh], db: web.Db, keyring: KeyRing, origin: web.Origin, now: web.Now
) -> Tokens:
    """Get the next tokens. A refresh token works once; shown again after more than 10 seconds it ends the session."""
    return await actions.refresh(db, keyring, data.refresh_token, origin.context(), now)


@get("/sessions", guards=OWN, responses=web.problems(InvalidCursor))
async def list_own_sessions(
    tx: web.Tx, caller: web.Caller, now: web.Now, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[OwnSession]:
    """List where you are signed in, in all of your organisations, newest first."""
    keyset = web.Keyset(OwnSessionPosition, limit=limit, cursor=cursor, bound_to=(caller.id, "sessions"))
    after = keyset.after.id if keyset.after else None
    return keyset.page(
        await queries.list_own_sessions(tx, caller.id, caller.session_id, after=after, limit=keyset.fetch, now=now)
    )


@post("/sessions/{session_id:str}/end", status_code=204, guards=OWN, responses=web.problems(SessionNotFound))
async def end_own_session(session_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, now: web.Now) -> None:
    """Sign out elsewhere: that session's tokens are refused everywhere within 3 seconds."""
    await actions.end_own_session(tx, caller.id, session_id, now)


@post("/sessions/end-all", status_code=204, guards=OWN)
async def end_own_sessions(data: JSONBody[Ending], tx: web.Tx, caller: web.Caller, now: web.Now) -> None:
    """Sign out everywhere, in all of your organisations; where you are as well if you say so."""
    keep = caller.session_id if data.keep_current else None
    await actions.end_sessions(tx, caller.id, "ended", now, keep=keep)


@post("/logout", status_code=204, guards=OWN)
async def end_session(tx: web.Tx, caller: web.Caller, now: web.Now) -> None:
    """Sign out: the session's tokens are refused everywhere within 3 seconds."""
    await actions.sign_out(tx, caller.session_id, now)


SESSIONS = Router(
    "/api/tenancy/v1/auth",
    route_handlers=[refresh_session, list_own_sessions, end_own_session, end_own_sessions, end_session],
    dependencies=PROVIDERS,
)
