"""Mail by SMTP."""

from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import urlsplit

import aiosmtplib
import msgspec

TIMEOUT_SECONDS = 10.0


class Letter(msgspec.Struct, frozen=True):
    """A mail: the same in plain text and in HTML."""

    to: str
    subject: str
    text: str
    html: str


class MailNotSent(Exception):
    """The mail server did not take the mail; try again later."""


class Mailer:
    """Hands mails to one server."""

    def __init__(self, smtp_url: str, sender: str) -> None:
        address = urlsplit(smtp_url)
        self._host, self._port = address.hostname or "127.0.0.1", address.port or 25
        self._username, self._password = address.username, address.password
        self._sender = sender

    async def send(self, letter: Letter) -> None:
        """Send it; raise MailNotSent."""
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = letter.to
        message["Subject"] = letter.subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2].strip(">"))
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        message.add_alternative(letter.html, subtype="html")
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._username,
                password=self._password,
                timeout=TIMEOUT_SECONDS,
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailNotSent(type(error).__name__) from None
