"""The guards that routes name. A route has a scope, or stands in the one list of public routes."""

import re
from datetime import timedelta
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from carbot_core.auth.principal import Principal
from carbot_core.auth.revocations import Revocations
from carbot_core.auth.tokens import InvalidToken, Verifier
from carbot_core.clock import Clock
from carbot_core.errors import Forbidden, OrganizationSuspended, Unauthorized

RECENT = timedelta(minutes=5)
"""How long somebody who showed the credentials may do what needs them."""

_BEARER = re.compile(r"[Bb]earer +([^ ,]+)")


class ScopeMissing(Forbidden):
    """Your role does not include this."""


class PeopleOnly(Forbidden):
    """Only people may do this, no API keys."""


class RecentSignInRequired(Unauthorized):
    """Show your credentials once more (POST /api/tenancy/v1/auth/step-up), then repeat this with the new access token."""


class Authenticator:
    """Says who asks: verifies the token and looks at what was revoked, each time."""

    def __init__(self, verifier: Verifier, revocations: Revocations, clock: Clock) -> None:
        self._verifier = verifier
        self._revocations = revocations
        self._clock = clock

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

    def refuse_suspended(self, principal: Principal) -> None:
        """Raise OrganizationSuspended if the principal's organisation is."""
        if principal.organization_id in self._revocations.suspended:
            raise OrganizationSuspended

    def refuse_old(self, principal: Principal, max_age: timedelta) -> None:
        """Raise RecentSignInRequired unless the credentials were shown within that time (RFC 9470), PeopleOnly for a key."""
        if principal.kind != "user":
            raise PeopleOnly
        if principal.authenticated_at is None or self._clock() - principal.authenticated_at > max_age:
            seconds = int(max_age.total_seconds())
            challenge = f'Bearer error="insufficient_user_authentication", max_age={seconds}'
            raise RecentSignInRequired(headers={"WWW-Authenticate": challenge})


class Requires:
    """The guard that lets principals with one scope pass; the app factory and the OpenAPI document read its `scope`."""

    def __init__(self, scope: str, *, max_age: timedelta | None, while_suspended: bool) -> None:
        self.scope = scope
        self.max_age = max_age
        self.while_suspended = while_suspended

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        authenticator: Authenticator = connection.app.state.authenticator
        principal = await authenticator.authenticate(connection)
        connection.scope["user"] = principal
        if self.scope not in principal.scopes:
            raise ScopeMissing(scope=self.scope)
        if connection.scope.get("method") != "GET" and not self.while_suspended:
            authenticator.refuse_suspended(principal)
        if self.max_age is not None:
            authenticator.refuse_old(principal, self.max_age)


def requires(scope: str, *, max_age: timedelta | None = None, while_suspended: bool = False) -> Requires:
    """Return the guard that lets principals with this scope pass.

    With `max_age` only people who showed their credentials within that time. A suspended organisation may only read, unless
    `while_suspended`: for what settles the matter, and for everybody's own account.
    """
    return Requires(scope, max_age=max_age, while_suspended=while_suspended)


def guard_of(handler: BaseRouteHandler) -> Requires | None:
    """Return the guard that a route names, or None."""
    return next((guard for guard in handler.guards or () if isinstance(guard, Requires)), None)


def scope_of(handler: BaseRouteHandler) -> str | None:
    """Return the scope that a route names, or None."""
    guard = guard_of(handler)
    return None if guard is None else guard.scope
