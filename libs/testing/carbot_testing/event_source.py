"""A reader of server-sent events, on a service in this process: httpx waits for the end of an answer, and a stream has none."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Self, cast
from urllib.parse import urlencode

import msgspec

from carbot_core.web.edge import Edge


class EventSource:
    """What a browser's EventSource gets."""

    def __init__(self, room: int = 0) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.ended = False
        self._asked = False
        self._lines = b""
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue(room)
        self._gone = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls, edge: Edge, path: str, *, room: int = 0, **query: str) -> AsyncGenerator[Self]:
        """Ask for the stream, and go when the block ends; with room, no more than so many messages are taken before they are read."""
        source = cls(room)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": urlencode(query).encode(),
            "root_path": "",
            "headers": [(b"host", b"crm"), (b"accept", b"text/event-stream")],
            "server": ("crm", 80),
            "client": ("127.0.0.1", 1),
        }
        running = asyncio.create_task(cast("Any", edge)(scope, source._receive, source._sent.put))
        try:
            start = await asyncio.wait_for(source._sent.get(), 5)
            source.status = start["status"]
            source.headers = {name.decode(): value.decode() for name, value in start["headers"]}
            yield source
        finally:
            source._gone.set()
            await asyncio.wait_for(running, 5)

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def next(self, within: float = 5) -> tuple[str, Any]:
        """Return the next event's name and content; raise EOFError at the end. Comments are passed over."""
        async with asyncio.timeout(within):
            while True:
                block = await self._block()
                fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
                if "event" in fields:
                    return fields["event"], msgspec.json.decode(fields["data"])

    async def body(self) -> bytes:
        """Return the whole of an answer that is no stream."""
        return (await self._sent.get())["body"]

    async def _block(self) -> str:
        while b"\n\n" not in self._lines:
            if self.ended:
                raise EOFError
            message = await self._sent.get()
            self._lines += message["body"]
            self.ended = not message.get("more_body", False)
        block, _, self._lines = self._lines.partition(b"\n\n")
        return block.decode()
