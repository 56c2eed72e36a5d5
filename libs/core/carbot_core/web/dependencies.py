"""What a route may ask for by naming it."""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import HeaderParameter, SkipValidation

from carbot_core import db
from carbot_core.auth.principal import Principal
from carbot_core.context import Context
from carbot_core.errors import FieldError, Invalid, PreconditionRequired
from carbot_core.web import idempotency
from carbot_core.web.exchange import Exchange
from carbot_core.web.streams import Streams

_ENTITY_TAG = re.compile(r'"([0-9]{1,18})"')
_NEVER = -1


class OriginOfRequest(msgspec.Struct, frozen=True):
    """Where a request without a principal comes from."""

    request_id: UUID
    trace_id: str
    address: str
    user_agent: str

    def context(self, **who: Any) -> Context:
        return Context(request_id=self.request_id, trace_id=self.trace_id, **who)


class InvalidEntityTag(Invalid):
    """If-Match must be one entity tag as you read it, for example "7"."""


async def provide_tx(request: Request[Any, Any, Any]) -> db.Tx:
    """Begin the caller's transaction: read-only for GET; for a POST with an Idempotency-Key claim it first."""
    exchange = Exchange.of(request.scope)
    principal: Principal = request.scope["user"]
    context = principal.context(exchange.request_id, exchange.trace_id)
    if request.method == "GET":
        if request.route_handler.opt.get("may_be_stale"):
            return await exchange.begin_stale(context, seen=db.parse_position(exchange.header("carbot-consistency")))
        return await exchange.begin(context, read_only=True)
    tx = await exchange.begin(context, read_only=False)
    if request.method == "POST":
        await idempotency.claim(tx, exchange, principal.id)
    return tx


async def provide_begin(request: Request[Any, Any, Any]) -> Callable[[], Awaitable[db.Tx]]:
    """Return what begins the caller's transaction later, for routes that have slow work to do before it.

    A request that was answered before is answered at once: the work is not done again.
    """
    exchange = Exchange.of(request.scope)
    principal: Principal = request.scope["user"]
    if exchange.header("idempotency-key") is not None:
        context = principal.context(exchange.request_id, exchange.trace_id)
        async with exchange.database.transaction(context, read_only=True) as tx:
            await idempotency.claim(tx, exchange, principal.id)
    return partial(provide_tx, request)


async def provide_caller(request: Request[Any, Any, Any]) -> Principal:
    principal: Principal = request.scope["user"]
    return principal


async def provide_now(state: State) -> datetime:
    now: datetime = state.clock()
    return now


async def provide_db(state: State) -> db.Database:
    database: db.Database = state.database
    return database


async def provide_settings(state: State) -> Any:
    return state.settings


async def provide_streams(state: State) -> Streams:
    streams: Streams = state.streams
    return streams


async def provide_origin(request: Request[Any, Any, Any]) -> OriginOfRequest:
    exchange = Exchange.of(request.scope)
    return OriginOfRequest(exchange.request_id, exchange.trace_id, exchange.client, exchange.user_agent)


async def provide_optional_if_match(
    if_match: Annotated[
        str | None, HeaderParameter(name="If-Match", description="The entity tag that you read", required=False)
    ] = None,
) -> int | None:
    """Return the revision that If-Match names; one that no row ever has for a tag that is not ours."""
    if if_match is None:
        return None
    if "," in if_match or if_match.strip() == "*":
        raise InvalidEntityTag(errors=(FieldError("If-Match", "Send one entity tag"),))
    match = _ENTITY_TAG.fullmatch(if_match.strip())
    return int(match[1]) if match else _NEVER


async def provide_if_match(
    if_match: Annotated[
        str | None, HeaderParameter(name="If-Match", description="The entity tag that you read")
    ] = None,
) -> int:
    """Return the revision that If-Match names; raise PreconditionRequired without one."""
    revision = await provide_optional_if_match(if_match)
    if revision is None:
        raise PreconditionRequired
    return revision


PROVIDERS = {
    "tx": Provide(provide_tx),
    "begin": Provide(provide_begin),
    "caller": Provide(provide_caller),
    "now": Provide(provide_now),
    "db": Provide(provide_db),
    "settings": Provide(provide_settings),
    "streams": Provide(provide_streams),
    "origin": Provide(provide_origin),
    "revision": Provide(provide_if_match),
    "optional_revision": Provide(provide_optional_if_match),
}

Tx = NamedDependency[SkipValidation[db.Tx]]
Begin = NamedDependency[SkipValidation[Callable[[], Awaitable[db.Tx]]]]
Caller = NamedDependency[SkipValidation[Principal]]
Now = NamedDependency[SkipValidation[datetime]]
Db = NamedDependency[SkipValidation[db.Database]]
Settings = NamedDependency[SkipValidation[Any]]
OpenStreams = NamedDependency[SkipValidation[Streams]]
Origin = NamedDependency[SkipValidation[OriginOfRequest]]
IfMatch = NamedDependency[SkipValidation[int]]
OptionalIfMatch = NamedDependency[SkipValidation[int | None]]
