"""Sessions, and the tokens that come of them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from carbot_contracts.tenancy import OrganizationStatus, Role
from carbot_tenancy.fields import Token

EndReason = Literal["signed_out", "reused", "ended", "password_changed", "membership_ended"]


class Refresh(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The refresh token that came with the last access token."""

    refresh_token: Token


class OwnSession(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody is signed in; last_used_at is when the tokens were last renewed."""

    id: UUID
    organization_id: UUID
    user_agent: str
    address: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    is_current: bool


class OwnSessionPosition(msgspec.Struct, frozen=True):
    """After which session a page goes on."""

    id: UUID


class Ending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the session that asks goes on."""

    keep_current: bool = True


class LivingSession(msgspec.Struct, frozen=True):
    """A session that is to be ended, and where."""

    id: UUID
    organization_id: UUID


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """An access token, and what gets the next one; expires_in is seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int
    refresh_token: str
    organization_id: UUID


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A family of refresh tokens."""

    id: UUID
    organization_id: UUID
    user_id: UUID
    family_key: bytes
    token_hash: str
    previous_hash: str | None
    successor: bytes | None
    rotated_at: datetime | None
    expires_at: datetime
    ends_at: datetime
    authenticated_at: datetime
    revoked_at: datetime | None


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """A user's place in an organisation, as access tokens say it."""

    organization_id: UUID
    organization_status: OrganizationStatus
    user_id: UUID
    role: Role
    workshop_ids: list[UUID] | None
    is_active: bool
