"""Invitations."""

from datetime import datetime
from uuid import UUID

import msgspec

from carbot_contracts.tenancy import OrganizationStatus, Role
from carbot_core.fields import Line
from carbot_tenancy.fields import EmailInput, Password, Token, WorkshopIds
from carbot_tenancy.second_factors.models import RecoveryCode, TotpCode


class NewInvitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who is to join, and as what; workshop_ids null means all workshops."""

    email: EmailInput
    role: Role
    workshop_ids: WorkshopIds | None = None


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation; workshop_ids null means all workshops."""

    id: UUID
    email: str
    role: Role
    workshop_ids: list[UUID] | None
    expires_at: datetime
    accepted_at: datetime | None
    created_at: datetime
    revision: int


class InvitationPosition(msgspec.Struct, frozen=True):
    """After which invitation a page goes on."""

    id: UUID


class Acceptance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The link's token. Whoever has an account gives its password and keeps its name."""

    token: Token
    name: Line
    password: Password
    totp: TotpCode | None = None
    recovery_code: RecoveryCode | None = None


class Joined(msgspec.Struct, frozen=True):
    """Who joined what."""

    organization_id: UUID
    user_id: UUID


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation as its token meets it."""

    id: UUID
    email: str
    role: Role
    workshop_ids: list[UUID] | None
    token_hash: str | None
    expires_at: datetime
    accepted_at: datetime | None
    organization_name: str
    organization_locale: str
    organization_status: OrganizationStatus
