"""Asking for an access token, as RFC 6749 writes it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from carbot_contracts.tenancy import OrganizationStatus
from carbot_tenancy.api_keys.models import KeyKind

Parameter = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The form. The key stands here as client_secret, or in the Authorization header (HTTP Basic)."""

    grant_type: Parameter
    """client_credentials"""
    scope: Annotated[str, msgspec.Meta(min_length=1, max_length=4000)] | None = None
    """Left out: all scopes of the key."""
    client_id: Parameter | None = None
    """The id of the key; it may be left out."""
    client_secret: Parameter | None = None


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """An access token; expires_in is seconds, scope is separated by spaces."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int
    scope: str


class Client(msgspec.Struct, frozen=True):
    """Who asks: what was given as id and secret."""

    id: str
    secret: str


class ExchangedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as a token is made of it."""

    id: UUID
    kind: KeyKind
    workshop_id: UUID | None
    secret_hash: str
    scopes: list[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    organization_status: OrganizationStatus
