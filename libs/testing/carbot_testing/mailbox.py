"""A mail server that keeps what it gets."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.smtp import SMTP

_TOKEN = re.compile(r"[?&]token=([A-Za-z0-9._~-]+)")


class Mailbox:
    """Mails by recipient, newest last."""

    def __init__(self) -> None:
        self._mails: list[tuple[str, EmailMessage]] = []
        self._arrived = asyncio.Condition()
        self.url = ""

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncGenerator[Self]:
        """Listen on a free port."""
        mailbox = cls()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(mailbox, loop=loop, enable_SMTPUTF8=True), "127.0.0.1", 0)
        mailbox.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield mailbox
        server.close()
        await server.wait_closed()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        message = message_from_bytes(envelope.content, policy=policy.default)
        async with self._arrived:
            self._mails += [(recipient, message) for recipient in envelope.rcpt_tos]
            self._arrived.notify_all()
        return "250 OK"

    def to(self, recipient: str) -> list[EmailMessage]:
        return [mail for address, mail in self._mails if address == recipient]

    async def wait_for(self, recipient: str, *, count: int = 1, within: float = 60.0) -> EmailMessage:
        """Return the mail number `count` to somebody; raise TimeoutError."""
        async with asyncio.timeout(within), self._arrived:
            await self._arrived.wait_for(lambda: len(self.to(recipient)) >= count)
        return self.to(recipient)[count - 1]

    async def token(self, recipient: str, *, count: int = 1) -> str:
        """Return the token in the link of the mail number `count` to somebody."""
        mail = await self.wait_for(recipient, count=count)
        body = mail.get_body(("plain",))
        match = _TOKEN.search(body.get_content() if body else "")
        if match is None:
            raise AssertionError("the mail has no link with a token")
        return match[1]
