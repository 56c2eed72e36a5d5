"""What tenancy needs to know beyond what every service does."""

from typing import Annotated

import msgspec

from carbot_core import settings
from carbot_core.settings import Base64Key, HttpUrl

SmtpUrl = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^smtp://[^/\s]+$(?!\n)", description="the address of a mail server, for example smtp://127.0.0.1:1025"
    ),
]
Sender = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[^\x00-\x1f\x7f@]+@[^\x00-\x1f\x7f@]+$(?!\n)",
        description="whom mails are from, for example CarBot <noreply@carbot.example>",
    ),
]


class Settings(settings.Settings, frozen=True, kw_only=True):
    """Settings of api and worker."""

    key_encryption_key: Base64Key
    smtp_url: SmtpUrl
    mail_from: Sender
    public_url: HttpUrl
    """Where people open the links in mails."""
