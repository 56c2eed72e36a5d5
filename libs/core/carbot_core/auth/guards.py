"""The guards that routes name. A route has a scope, or stands in the one list of public routes."""

import re
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from carbot_core.auth.principal import Principal
from carbot_core.auth.revocations import Revocations
from carbot_core.auth.tokens import InvalidToken, Verifier
from carbot_core.errors import Forbidden, Unauthorized

_BEARER = re.compile(r"[Bb]earer +([^ ,]+)")


class ScopeMissing(Forbidden):
    """Your role does not include this."""


class Authenticator:
    """Says who asks: verifies the token and looks at what was revoked, each time."""

    def __init__(self, verifier: Verifier, revocations: Revocations) -> None:
        self._verifier = verifier
        self._revocations = revocations

    async def authenticate(self, connection: ASGIConnection[Any, Any, Any, Any]) -> Principal:
        """Return the principal; raise Unauthorized. Exactly one Authorization header counts."""
        headers = connection.headers.getall("authorization", [])
        match = _BEARER.fullmatch(headers[0]) if len(headers) == 1 else None
        if match is None:
            raise Unauthorized(reason="no single bearer token")
        principal = await self._verifier.verify(match[1])
        if self._revocations.revoked(principal):
            raise InvalidToken(reason="revoked")
        return principal


class Requires:
    """The guard that lets principals with one scope pass; the app factory and the OpenAPI document read its `scope`."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        authenticator: Authenticator = connection.app.state.authenticator
        principal = await authenticator.authenticate(connection)
        connection.scope["user"] = principal
        if self.scope not in principal.scopes:
            raise ScopeMissing(scope=self.scope)


def requires(scope: str) -> Requires:
    """Return the guard that lets principals with this scope pass."""
    return Requires(scope)


def scope_of(handler: BaseRouteHandler) -> str | None:
    """Return the scope that a route names, or None."""
    return next((guard.scope for guard in handler.guards or () if isinstance(guard, Requires)), None)
