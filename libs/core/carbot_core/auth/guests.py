"""Guests: they show a publishable key, which names a workshop and the origins from which it may be used."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.params import HeaderParameter, SkipValidation

from carbot_contracts.tenancy import OrganizationStatus
from carbot_core.context import Context
from carbot_core.credentials import Credential
from carbot_core.db import Tx
from carbot_core.errors import Forbidden, OrganizationSuspended, Unauthorized
from carbot_core.web.dependencies import Now, Origin
from carbot_core.web.exchange import Exchange

PREFIX = "pk"


class PublishableKeyNotValid(Unauthorized):
    """The publishable key is missing, unknown, expired or revoked."""


class OriginNotAllowed(Forbidden):
    """The publishable key may not be used from this origin: add it to the key's allowed origins."""


class PublishableKey(msgspec.Struct, frozen=True):
    """What is kept of a key."""

    workshop_id: UUID
    secret_hash: str
    allowed_origins: frozenset[str]
    organization_status: OrganizationStatus
    expires_at: datetime | None
    revoked_at: datetime | None


class Guest(msgspec.Struct, frozen=True):
    """Somebody without an account, at one workshop, with the request's transaction."""

    tx: Tx
    workshop_id: UUID
    key_id: UUID


async def provide_guest(
    request: Request[Any, Any, Any],
    now: Now,
    origin: Origin,
    key: Annotated[
        str | None, HeaderParameter(name="X-CarBot-Key", description="The publishable key of the workshop")
    ] = None,
    page_origin: Annotated[str | None, HeaderParameter(name="Origin", description="Set by the browser")] = None,
) -> Guest:
    """Open the key's organisation, look the key up under row security, and compare."""
    credential = Credential.parse(key or "", PREFIX)
    if credential is None:
        raise PublishableKeyNotValid(reason="form")
    exchange = Exchange.of(request.scope)
    tx = await exchange.begin(
        Context(
            organization_id=credential.organization_id,
            actor="guest",
            actor_id=credential.id,
            request_id=origin.request_id,
            trace_id=origin.trace_id,
        ),
        read_only=request.method == "GET",
    )
    known = await find_publishable_key(tx, credential.id)
    if (
        known is None
        or not credential.proves(known.secret_hash)
        or known.revoked_at is not None
        or (known.expires_at is not None and known.expires_at <= now)
    ):
        raise PublishableKeyNotValid(reason="unknown, expired or revoked")
    if page_origin not in known.allowed_origins:
        raise OriginNotAllowed(key=credential.id)
    if request.method != "GET" and known.organization_status == "suspended":
        raise OrganizationSuspended
    return Guest(tx, known.workshop_id, credential.id)


async def find_publishable_key(tx: Tx, key_id: UUID) -> PublishableKey | None:
    """Find a key of an organisation that still takes guests."""
    return await tx.first(
        PublishableKey,
        """
        SELECT k.workshop_id, k.secret_hash, k.allowed_origins, k.expires_at, k.revoked_at,
            o.status AS organization_status
        FROM publishable_keys k
        JOIN organizations o ON o.organization_id = k.organization_id AND o.status NOT IN ('closing', 'erased')
        WHERE k.organization_id = $1 AND k.id = $2
        """,
        tx.organization_id,
        key_id,
    )


GUEST = {"guest": Provide(provide_guest)}
"""The `dependencies` of a router whose routes take a guest."""

AsGuest = NamedDependency[SkipValidation[Guest]]
