"""What signing in takes."""

from typing import Literal
from uuid import UUID

import msgspec

from carbot_tenancy.fields import EmailInput, Password
from carbot_tenancy.second_factors.models import RecoveryCode, TotpCode


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who signs in, and to which organisation: without one, to the first that the user joined."""

    email: EmailInput
    password: Password
    totp: TotpCode | None = None
    """The second factor, for users who have one."""
    recovery_code: RecoveryCode | None = None
    """Instead of the second factor, for whoever lost it."""
    organization_id: UUID | None = None


class StepUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The credentials once more."""

    password: Password
    totp: TotpCode | None = None
    recovery_code: RecoveryCode | None = None


class Switch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which of your organisations to enter."""

    organization_id: UUID


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """An access token of the session as it is; the refresh token stays. expires_in is seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int
