"""A mail server that sends nothing: each mail becomes one .eml file in a folder."""

import argparse
import asyncio
import itertools
import re
import signal
import sys
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from carbot_local.layout import HOST, Home, Ports
from carbot_local.programs import Program
from carbot_local.users import own_folder

LARGEST_MAIL_BYTES = 10 * 1024 * 1024


def program(home: Home, ports: Ports) -> Program:
    """Say how to start it."""
    own_folder(home.mail)
    return Program(
        name="mail",
        argv=(sys.executable, "-m", "carbot_local.mail_sink", "--port", str(ports.smtp), "--folder", str(home.mail)),
        directory=home.mail,
        stop_seconds=5,
    )


class Sink:
    """Writes what arrives. A file appears whole: it is written beside and then renamed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        recipient = re.sub(r"[^A-Za-z0-9@._+-]", "_", envelope.rcpt_tos[0] if envelope.rcpt_tos else "nobody")
        name = f"{time.time_ns()}-{next(self._numbers)}-{recipient[:100]}"
        content = envelope.content or b""
        beside = self._folder / f".{name}"
        beside.write_bytes(content if isinstance(content, bytes) else content.encode())
        beside.rename(self._folder / f"{name}.eml")
        return "250 kept"


async def serve(port: int, folder: Path) -> None:
    """Take mails until SIGTERM."""
    sink, loop, stopping = Sink(folder), asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)

    def session() -> SMTP:
        return SMTP(sink, hostname="carbot.local", enable_SMTPUTF8=True, data_size_limit=LARGEST_MAIL_BYTES)

    server = await loop.create_server(session, HOST, port)
    await stopping.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.port, chosen.folder))


if __name__ == "__main__":
    main()
