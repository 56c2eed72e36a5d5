"""HTTP on the bare socket: what no client library would send."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from time import perf_counter
from typing import Any, Final

import msgspec

_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_END: Final = b"\r\n\r\n"


class Answer(msgspec.Struct, frozen=True):
    """What came back; status 0 when the connection ended without an answer."""

    status: int
    media_type: str
    body: bytes
    seconds: float

    @property
    def problem(self) -> dict[str, Any] | None:
        """Return the problem document, None if the answer is none."""
        if self.media_type != "application/problem+json":
            return None
        document: dict[str, Any] = json.loads(self.body)
        return document if document["status"] == self.status else None

    @property
    def is_of_the_server(self) -> bool:
        """Tell whether it is a refusal of what is no HTTP, made before there is a request: without a body."""
        return self.status in {400, 414, 431} and not self.body and not self.media_type


def request(method: str, target: str, *headers: str, body: bytes = b"", length: bool = True) -> bytes:
    """Return a request with a Host; `length` adds the body's own."""
    lines = [f"{method} {target} HTTP/1.1", "host: service", *headers]
    lines += [f"content-length: {len(body)}"] if length and (body or method not in {"GET", "DELETE"}) else []
    return "\r\n".join(lines).encode("latin-1") + _END + body


async def ask(port: int, *pieces: bytes, pause: float = 0.0, within: float = 10.0) -> Answer:
    """Send the pieces, one after the other, and return the first answer; raise TimeoutError if the connection stays open."""
    return await ask_with(port, _paced(pieces, pause), within=within)


async def ask_with(port: int, pieces: AsyncIterator[bytes], *, within: float = 10.0) -> Answer:
    """Send pieces for as long as they come, and return the first answer; raise TimeoutError."""
    started = perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sending = asyncio.create_task(_send(writer, pieces))
    received = b""
    try:
        async with asyncio.timeout(within):
            with suppress(ConnectionError):
                while not _is_whole(received) and (some := await reader.read(65536)):
                    received += some
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.transport.abort()
    return _parse(received, perf_counter() - started)


async def _send(writer: asyncio.StreamWriter, pieces: AsyncIterator[bytes]) -> None:
    with suppress(ConnectionError):
        async for piece in pieces:
            writer.write(piece)
            await writer.drain()


async def _paced(pieces: Iterable[bytes], pause: float) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
        await asyncio.sleep(pause)


def _is_whole(received: bytes) -> bool:
    head, end, body = received.partition(_END)
    length = _LENGTH.search(head)
    return bool(end) and length is not None and len(body) >= int(length[1])


def _parse(received: bytes, seconds: float) -> Answer:
    head, _, body = received.partition(_END)
    if not head.startswith(b"HTTP/1."):
        return Answer(0, "", received, seconds)
    length = _LENGTH.search(head)
    media_type = re.search(rb"\r\ncontent-type: ([^;\r]+)", head)
    return Answer(
        int(head.split(b" ")[1]),
        media_type[1].decode() if media_type else "",
        body[: int(length[1])] if length else body,
        seconds,
    )
