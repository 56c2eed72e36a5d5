"""Mails over HTTP."""

from typing import Annotated

from litestar import Router, get
from litestar.params import FromQuery, QueryParameter

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.web.pages import InvalidCursor
from carbot_tenancy.mails import queries
from carbot_tenancy.mails.models import MailPosition, MailState, SentMail

# Litestar keeps the name `state` for itself.
MailStateQuery = FromQuery[Annotated[MailState | None, QueryParameter(name="state", description="Only these")]]


@get("/", guards=[web.requires(scopes.MAILS_READ)], responses=web.problems(InvalidCursor))
async def list_mails(
    tx: web.Tx,
    caller: web.Caller,
    mail_state: MailStateQuery = None,
    limit: web.Limit = 50,
    cursor: web.Cursor = None,
) -> web.Page[SentMail]:
    """List the mails of your organisation, newest first: what went to whom and how far it came, never what it says."""
    bound_to = (caller.organization_id, "mails", mail_state)
    keyset = web.Keyset(MailPosition, limit=limit, cursor=cursor, bound_to=bound_to)
    after = keyset.after.id if keyset.after else None
    return keyset.page(await queries.list_mails(tx, state=mail_state, after=after, limit=keyset.fetch))


MAILS = Router("/api/tenancy/v1/mails", route_handlers=[list_mails])
