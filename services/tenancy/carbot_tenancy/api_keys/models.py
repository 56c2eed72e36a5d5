"""API keys."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from carbot_core.fields import Line
from carbot_tenancy.fields import Instant

KeyKind = Literal["secret", "publishable"]
OriginInput = Annotated[
    str, msgspec.Meta(min_length=1, max_length=300, description="For example https://mueller.example")
]


class NewApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new key. A publishable one is for a workshop's own pages and names their origins; a secret one has scopes."""

    kind: KeyKind
    name: Line
    workshop_id: UUID | None = None
    allowed_origins: Annotated[list[OriginInput], msgspec.Meta(max_length=20)] = []
    scopes: (
        Annotated[list[Annotated[str, msgspec.Meta(max_length=100)]], msgspec.Meta(min_length=1, max_length=100)] | None
    ) = None
    """Left out: those of the role of whoever makes the key."""
    expires_at: Instant | None = None


class Rotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long the old key goes on beside the new one, and when the new one ends: expires_at null means never."""

    overlap_hours: Annotated[int, msgspec.Meta(ge=0, le=168)] = 24
    expires_at: Instant | None = None


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without its secret."""

    id: UUID
    kind: KeyKind
    name: str
    workshop_id: UUID | None
    allowed_origins: list[str]
    scopes: list[str]
    rotated_from: UUID | None
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime
    revision: int


class MintedApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A new key with its secret, which is shown this once."""

    id: UUID
    key: str
    kind: KeyKind
    name: str
    workshop_id: UUID | None
    allowed_origins: list[str]
    scopes: list[str]
    rotated_from: UUID | None
    expires_at: datetime | None
    created_at: datetime
    revision: int


class StoredApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is announced."""

    id: UUID
    kind: KeyKind
    workshop_id: UUID | None
    secret_hash: str
    allowed_origins: list[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    revision: int


class ApiKeyPosition(msgspec.Struct, frozen=True):
    """After which key a page goes on."""

    id: UUID
