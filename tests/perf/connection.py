"""HTTP/1.1 as a load generator needs it: prepared bytes out, the status of the answer in, and nothing else."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import override

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_TIMEOUT_SECONDS = 10.0

FAILED = 0
"""The status of a request that got no answer."""


class Connection(asyncio.Protocol):
    """One kept-alive connection, one request at a time; connects again after a failure."""

    def __init__(self, port: int, source: str | None = None) -> None:
        self._port = port
        self._source = None if source is None else (source, 0)
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._length = 0
        self._answer: asyncio.Future[int] | None = None

    async def ask(self, request: bytes) -> int:
        """Send a request; return the status of its answer, FAILED if there is none."""
        loop = asyncio.get_running_loop()
        try:
            if self._transport is None:
                self._transport, _ = await loop.create_connection(
                    lambda: self, "127.0.0.1", self._port, local_addr=self._source
                )
            self._answer = loop.create_future()
            watch = loop.call_later(_TIMEOUT_SECONDS, self.close)
            self._transport.write(request)
            try:
                return await self._answer
            finally:
                watch.cancel()
        except OSError:
            return FAILED

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._length:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(self._received, 0, end + 2)
            if length is None:
                self.close()
                return
            self._length = end + 4 + int(length[1])
        if len(self._received) >= self._length:
            status = int(self._received[9:12])
            self._received.clear()
            self._length = 0
            self._settle(status)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._received.clear()
        self._length = 0
        self._settle(FAILED)

    def _settle(self, status: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)


@asynccontextmanager
async def connections(port: int, count: int, *, apart: bool = False) -> AsyncGenerator[list[Connection]]:
    """Have so many connections to a port of this machine, each `apart` from an address of its own; close them in the end."""
    opened = [Connection(port, f"127.1.{each >> 8}.{each & 255}" if apart else None) for each in range(1, count + 1)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()
