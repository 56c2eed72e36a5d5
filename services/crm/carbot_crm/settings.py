"""What crm needs to know beyond what every service does."""

from typing import Annotated

import msgspec

from carbot_core import settings
from carbot_core.settings import Base64Key, HttpUrl, Sender, SmtpUrl

ModelName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=100, description="the name of a model that the endpoint serves")
]


class Settings(settings.Settings, frozen=True, kw_only=True):
    """Settings of api and worker."""

    key_encryption_key: Base64Key
    """Encrypts the secrets of webhooks; the keys of addresses and of links are derived from it."""
    smtp_url: SmtpUrl
    mail_from: Sender
    public_url: HttpUrl
    """Where the gateway is: links in mails lead there."""
    chat_endpoint_url: HttpUrl | None = None
    """Where an OpenAI-compatible interface is, up to and without /chat/completions; none: the rules answer alone."""
    chat_endpoint_key: str = ""
    chat_endpoint_model: ModelName = "gpt-4o-mini"
