"""Mail by SMTP."""

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from html import escape
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import aiosmtplib
import msgspec

TIMEOUT_SECONDS = 10.0

_NOT_THE_ADDRESS = re.compile(r"\b5\.(2\.2|7\.[0-9]+)\b")
"""Refused for good, but not because nobody is there (RFC 3463): the mailbox is full, or a policy forbids it."""

_LAYOUT: Final = """\
<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{subject}</title>
</head>
<body style="margin: 1.5em auto; max-width: 36em; padding: 0 1em; font: 1em/1.5 sans-serif">
{paragraphs}
</body>
</html>
"""
"""Nothing that is fetched from elsewhere, and everything there without styles."""


def write_page(subject: str, paragraphs: list[str], *, language: str) -> str:
    """Return a letter's HTML; the paragraphs are HTML already, the subject is text."""
    return _LAYOUT.format(language=language, subject=escape(subject), paragraphs="\n".join(paragraphs))


class Letter(msgspec.Struct, frozen=True):
    """A mail: the same in plain text and in HTML."""

    to: str
    subject: str
    text: str
    html: str
    sender_name: str | None = None
    """In whose name it is sent, if not in ours."""
    headers: dict[str, str] = {}
    """Further header fields, such as List-Unsubscribe."""
    id: UUID | None = None
    """Makes the Message-ID, so that a letter that is sent twice can be told for one."""


class MailNotSent(Exception):
    """The mail server did not take the mail; try again later."""


class MailRefused(MailNotSent):
    """The mail server will never take this mail."""

    def __init__(self, code: int, *, is_undeliverable: bool) -> None:
        super().__init__(f"SMTP {code}")
        self.is_undeliverable = is_undeliverable
        """Whether there is no such mailbox: the next mail would fare no better."""


class Mailer:
    """Hands mails to one server."""

    def __init__(self, smtp_url: str, sender: str) -> None:
        address = urlsplit(smtp_url)
        self._host, self._port = address.hostname or "127.0.0.1", address.port or 25
        self._username, self._password = address.username, address.password
        self._sender = sender

    async def send(self, letter: Letter) -> str:
        """Send it and return its Message-ID; raise MailRefused if that is for ever, else MailNotSent."""
        message = self._message(letter)
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._username,
                password=self._password,
                timeout=TIMEOUT_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            raise _refusal(refused.code, refused.message, is_of_recipient=True) from None
        except aiosmtplib.SMTPDataError as error:
            raise _refusal(error.code, error.message, is_of_recipient=False) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailNotSent(type(error).__name__) from None
        return str(message["Message-ID"])

    def _message(self, letter: Letter) -> EmailMessage:
        domain = self._sender.rpartition("@")[2].strip(">")
        message = EmailMessage()
        message["From"] = self._sender if letter.sender_name is None else self._in_the_name_of(letter.sender_name)
        message["To"] = letter.to
        message["Subject"] = letter.subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=domain) if letter.id is None else f"<{letter.id}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        for name, value in letter.headers.items():
            message[name] = value
        message.set_content(letter.text)
        message.add_alternative(letter.html, subtype="html")
        return message

    def _in_the_name_of(self, name: str) -> Address:
        return Address(name, addr_spec=parseaddr(self._sender)[1])


def _refusal(code: int, text: str, *, is_of_recipient: bool) -> MailNotSent:
    if not 500 <= code < 600:  # noqa: PLR2004 - RFC 5321, section 4.2.1: the first digit 5 is for ever
        return MailNotSent(f"SMTP {code}")
    return MailRefused(code, is_undeliverable=is_of_recipient and _NOT_THE_ADDRESS.search(text) is None)
