"""What crm needs to know beyond what every service does."""

from carbot_core import settings
from carbot_core.settings import Base64Key, HttpUrl, Sender, SmtpUrl


class Settings(settings.Settings, frozen=True, kw_only=True):
    """Settings of api and worker."""

    key_encryption_key: Base64Key
    """Encrypts the secrets of webhooks; the keys of addresses and of links are derived from it."""
    smtp_url: SmtpUrl
    mail_from: Sender
    public_url: HttpUrl
    """Where the gateway is: links in mails lead there."""
