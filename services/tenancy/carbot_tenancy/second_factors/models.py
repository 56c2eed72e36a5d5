"""Second factors."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

TotpCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}$(?!\n)", description="The six digits that the app shows")]
RecoveryCode = Annotated[
    str,
    msgspec.Meta(pattern=r"^[A-Za-z2-7 -]{24,60}$(?!\n)", description="One of the codes that were shown once"),
]


class SecondFactor(msgspec.Struct, frozen=True):
    """A user's authenticator; the secret is encrypted, and it counts once it is confirmed."""

    id: UUID
    user_id: UUID
    secret: bytes
    confirmed_at: datetime | None


class Enrolment(msgspec.Struct, frozen=True):
    """What the authenticator app needs, shown this once: the secret (base32), and the same as a URI for a QR code."""

    secret: str
    uri: str


class Confirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A code of the app that was just set up."""

    totp: TotpCode


class RecoveryCodes(msgspec.Struct, frozen=True):
    """Codes that each let you in once without the app, shown this once."""

    recovery_codes: list[str]
