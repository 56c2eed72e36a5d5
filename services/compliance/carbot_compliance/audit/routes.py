"""The audit log over HTTP."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get
from litestar.params import FromQuery, QueryParameter

from carbot_compliance.audit import actions
from carbot_compliance.audit.actions import InvalidTime
from carbot_compliance.audit.models import Entry, Filter, Position
from carbot_contracts import scopes
from carbot_core import web
from carbot_core.crypto import Vault
from carbot_core.web.pages import InvalidCursor

Table = Annotated[
    str | None,
    QueryParameter(
        pattern=r"^[a-z][a-z_0-9]{0,62}\.[a-z][a-z_0-9]{0,62}$(?!\n)", description="Only of this table, as schema.table"
    ),
]


@get("/", guards=[web.requires(scopes.AUDIT_READ)], responses=web.problems(InvalidCursor, InvalidTime))
async def list_audit_logs(
    tx: web.Tx,
    caller: web.Caller,
    settings: web.Settings,
    table: FromQuery[Table] = None,
    row_id: FromQuery[Annotated[UUID | None, QueryParameter(description="Only of this row")]] = None,
    actor_id: FromQuery[Annotated[UUID | None, QueryParameter(description="Only by this user or key")]] = None,
    since: Annotated[
        str | None, QueryParameter(name="from", format="date-time", description="Not before this time, with its offset")
    ] = None,
    until: Annotated[
        str | None, QueryParameter(name="to", format="date-time", description="Before this time, with its offset")
    ] = None,
    limit: web.Limit = 50,
    cursor: web.Cursor = None,
) -> web.Page[Entry]:
    """List what was done to your organisation's data, newest first. Personal values whose key was destroyed are null."""
    wanted = Filter(
        table=table,
        row_id=row_id,
        actor_id=actor_id,
        since=actions.read_time("from", since),
        until=actions.read_time("to", until),
    )
    keyset = web.Keyset(Position, limit=limit, cursor=cursor, bound_to=(caller.organization_id, wanted))
    vault = Vault.from_base64(settings.key_encryption_key)
    return keyset.page(await actions.list_entries(tx, vault, wanted, after=keyset.after, limit=keyset.fetch))


AUDIT_LOGS = Router("/api/compliance/v1/audit-logs", route_handlers=[list_audit_logs])
