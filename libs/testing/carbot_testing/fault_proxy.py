"""A TCP proxy with faults: what a network does to a link between two processes, switched on and off at will."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Literal, Self

from carbot_local.layout import HOST

type Kind = Literal["delay", "reset", "half_close", "black_hole", "drip"]

KINDS: tuple[Kind, ...] = ("delay", "reset", "half_close", "black_hole", "drip")
DELAY_SECONDS = 0.3
DRIP_BYTES = 32
DRIP_SECONDS = 0.01
LINGER_SECONDS = 15.0
"""How long the far side of a black hole hears nothing of the end of the near one."""
_CHUNK = 65536
_RESET = struct.pack("ii", 1, 0)


class FaultProxy:
    """One listener before one address. A fault strikes what lives when it begins and what comes while it lasts.

    delay: what is said arrives later. reset: both ends get RST. half_close: the target is told that the other end has
    nothing more to say, and hears nothing more. black_hole: what is said is lost, and both ends hear nothing of each other
    ever after. drip: a few bytes at a time.
    """

    def __init__(self, name: str, target: int) -> None:
        self.name = name
        self.port = 0
        self.fired: Counter[Kind] = Counter()
        """How often each fault was switched on and struck a connection."""
        self._target = target
        self._fault: Kind | None = None
        self._struck = False
        self._links: set[_Link] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, name: str, target: int) -> AsyncGenerator[Self]:
        """Listen on a free port and pass to the target on this machine."""
        proxy = cls(name, target)
        server = await asyncio.start_server(proxy._serve, HOST, 0)
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            for link in list(proxy._links):
                link.reset()
            await server.wait_closed()

    async def inflict(self, kind: Kind, seconds: float) -> bool:
        """Let a fault last so long; return whether it struck anything."""
        self.switch(kind)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.switch(None)
        return self._struck

    def switch(self, kind: Kind | None) -> None:
        """Switch a fault on, or off with None."""
        self._fault = kind
        if kind is not None:
            self._struck = False
        for link in list(self._links):
            self._strike_at_once(link)

    def strike(self, *kinds: Kind) -> Kind | None:
        """Return the fault that is on if it is one of these, and count it."""
        if self._fault is None or self._fault not in kinds:
            return None
        if not self._struck:
            self._struck = True
            self.fired[self._fault] += 1
        return self._fault

    def _strike_at_once(self, link: "_Link") -> None:
        match self.strike("reset", "half_close"):
            case "reset":
                link.reset()
            case "half_close":
                link.half_close()
            case _:
                pass

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            target = await asyncio.open_connection(HOST, self._target)
        except OSError:
            _reset(writer)
            return
        link = _Link(self, (reader, writer), target)
        self._links.add(link)
        try:
            self._strike_at_once(link)
            await link.pass_on()
        finally:
            self._links.discard(link)
            link.close()


type _End = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Link:
    """A connection through the proxy: two ends, and what became of it."""

    def __init__(self, proxy: FaultProxy, client: _End, target: _End) -> None:
        self._proxy = proxy
        self._client = client
        self._target = target
        self._lost = False
        self._silenced = False

    async def pass_on(self) -> None:
        """Pass bytes both ways until both ends have said their last, or one of them is gone."""
        forth = asyncio.create_task(self._pump(self._client[0], self._target[1], forth=True))
        back = asyncio.create_task(self._pump(self._target[0], self._client[1], forth=False))
        try:
            await asyncio.wait({forth, back}, return_when=asyncio.FIRST_EXCEPTION)
            if self._lost:
                await asyncio.wait({forth, back}, timeout=LINGER_SECONDS)
        finally:
            for task in (forth, back):
                task.cancel()
            faults = await asyncio.gather(forth, back, return_exceptions=True)
        if any(faults):
            self.reset()

    def close(self) -> None:
        for _, writer in (self._client, self._target):
            writer.close()

    def reset(self) -> None:
        for _, writer in (self._client, self._target):
            _reset(writer)

    def half_close(self) -> None:
        self._silenced = True
        _say_no_more(self._target[1])

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, forth: bool) -> None:
        while data := await reader.read(_CHUNK):
            if self._proxy.strike("black_hole"):
                self._lost = True
            if not self._lost and not (forth and self._silenced):
                await self._write(writer, data)
        if not self._lost:
            _say_no_more(writer)

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if self._proxy.strike("delay"):
            await asyncio.sleep(DELAY_SECONDS)
        while data and self._proxy.strike("drip"):
            writer.write(data[:DRIP_BYTES])
            data = data[DRIP_BYTES:]
            await asyncio.sleep(DRIP_SECONDS)
        writer.write(data)
        await writer.drain()


def _say_no_more(writer: asyncio.StreamWriter) -> None:
    if not writer.is_closing():
        with suppress(OSError, RuntimeError):
            writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    end: socket.socket | None = writer.get_extra_info("socket")
    with suppress(OSError):
        if end is not None:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
