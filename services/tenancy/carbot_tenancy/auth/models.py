"""What signing in takes."""

from typing import Annotated
from uuid import UUID

import msgspec

from carbot_tenancy.fields import EmailInput, Password


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who signs in, and to which organisation: without one, to the first that the user joined."""

    email: EmailInput
    password: Password
    totp: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}$(?!\n)")] | None = None
    """The second factor, for users who have one."""
    organization_id: UUID | None = None
