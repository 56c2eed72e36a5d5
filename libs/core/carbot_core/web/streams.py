"""Streams of server-sent events (HTML standard, section 9.2): who listens, what is told them, and when they end.

An api hears its own service's events on the broker as the relay publishes them, by id alone, and each stream reads the row in its
caller's context: row security decides what is seen. A signal that the broker lost is nowhere made up for; whoever listens is told to
read again after every gap that is noticed.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing, contextmanager
from typing import Any, Literal, override
from uuid import UUID

import msgspec
import structlog
from anyio import CancelScope, create_task_group
from litestar import Response
from litestar.response.base import ASGIResponse
from nats.aio.client import Client
from nats.aio.msg import Msg

from carbot_contracts.event import Event
from carbot_core.auth.principal import Principal
from carbot_core.auth.revocations import Revocations
from carbot_core.clock import Clock
from carbot_core.db import Database, Tx
from carbot_core.errors import Unavailable
from carbot_core.reading import Reading
from carbot_core.web import tickets
from carbot_core.web.tickets import TicketNotValid

log = structlog.get_logger()

MOST_STREAMS = 1000
"""On one process: each costs a connection and some 30 kB."""
UNREAD = 256
"""So many signals wait for a slow reader; then the stream ends, and the reader comes again."""
HEARTBEAT_SECONDS = 15.0
LOOK_SECONDS = 1.0
LAST_WORDS_SECONDS = 3.0
"""How long a reader may take to receive that the stream has ended."""
RETRY_MILLISECONDS = 2000
MEDIA_TYPE = "text/event-stream"

type Topic = tuple[UUID, UUID | None]
"""An organisation, and one of its aggregates or all of them."""
type EndReason = Literal["expired", "revoked", "slow", "stopping", "unavailable"]


class TooManyStreams(Unavailable):
    """This process has as many streams as it bears: try again."""


class Signal(msgspec.Struct, frozen=True):
    """Something happened: the event's subject and body. No subject: something may have been missed."""

    subject: str | None = None
    body: bytes = b""

    def of[E: Event](self, kind: type[E]) -> E | None:
        """Return the event if it is of this kind."""
        return msgspec.json.decode(self.body, type=kind) if self.subject == kind.subject else None


class ServerEvent(msgspec.Struct, frozen=True):
    """What a reader is sent: a name and a body, which is encoded as JSON."""

    name: str
    content: Any

    def encode(self) -> bytes:
        return b"event: %b\ndata: %b\n\n" % (self.name.encode(), msgspec.json.encode(self.content))


type Teller = Callable[[Tx, Signal], Awaitable[ServerEvent | None]]
"""Reads what a signal means to the caller of the transaction; None if nothing."""

MISSED = Signal()
_HEARTBEAT = b": still here\n\n"


class OpenStream:
    """One reader: signals wait here until they are told."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.ended: EndReason | None = None
        self.scope: CancelScope | None = None
        self._signals: asyncio.Queue[Signal | None] = asyncio.Queue(UNREAD + 1)

    def signal(self, signal: Signal) -> None:
        """Let the reader know; one who reads too slowly is let go."""
        if self.ended is None:
            if self._signals.qsize() >= UNREAD:
                self.end("slow")
            else:
                self._signals.put_nowait(signal)

    def end(self, reason: EndReason) -> None:
        """End it: nothing more is read for it, and its connection is closed even if nobody takes what is sent."""
        if self.ended is None:
            self.ended = reason
            self._signals.put_nowait(None)
            asyncio.get_running_loop().call_later(LAST_WORDS_SECONDS, self._cut)

    def _cut(self) -> None:
        if self.scope is not None:
            self.scope.cancel()

    async def signals(self) -> AsyncGenerator[Signal | None]:
        """Return what is to be told until the end; None where there was nothing for a heartbeat's time."""
        while self.ended is None:
            try:
                signal = await asyncio.wait_for(self._signals.get(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield None
            else:
                if signal is not None and self.ended is None:
                    yield signal


class Streams:
    """An api's open streams."""

    def __init__(
        self,
        client: Client,
        database: Database,
        revocations: Revocations,
        *,
        clock: Clock,
        subjects: tuple[str, ...],
        stopping: Callable[[], bool],
    ) -> None:
        self._client = client
        self._database = database
        self._revocations = revocations
        self._clock = clock
        self._subjects = subjects
        self._stopping = stopping
        self._open: dict[Topic, set[OpenStream]] = defaultdict(set)
        self._count = 0
        self._reconnects = 0

    @property
    def count(self) -> int:
        return self._count

    async def follow(self, kind: str, ticket: str, teller: Teller) -> "EventStream":
        """Return the stream that a ticket opens; raise TicketNotValid, TooManyStreams."""
        if self._count >= MOST_STREAMS or self._stopping():
            raise TooManyStreams
        admitted = await tickets.redeem(self._database, kind, ticket, now=self._clock())
        if self._revocations.revoked(admitted.principal):
            raise TicketNotValid(reason="revoked")
        stream = OpenStream(admitted.principal)
        topic = (admitted.principal.organization_id, admitted.topic)
        return EventStream(stream, self._tell(stream, topic, teller))

    async def _tell(self, stream: OpenStream, topic: Topic, teller: Teller) -> AsyncGenerator[bytes]:
        tx = Reading(self._database, stream.principal.context(None, None))
        with self._counted(stream, topic):
            yield b"retry: %d\n\n" % RETRY_MILLISECONDS
            async for signal in stream.signals():
                if signal is None:
                    yield _HEARTBEAT
                    continue
                try:
                    told = await teller(tx, signal) if signal.subject else ServerEvent("missed", {})
                except Unavailable:
                    stream.end("unavailable")
                    break
                if told is not None and stream.ended is None:
                    yield told.encode()
            yield ServerEvent("end", {"reason": stream.ended}).encode()

    @contextmanager
    def _counted(self, stream: OpenStream, topic: Topic) -> Generator[None]:
        self._count += 1
        self._open[topic].add(stream)
        try:
            yield
        finally:
            self._count -= 1
            self._open[topic].discard(stream)
            if not self._open[topic]:
                del self._open[topic]

    async def run(self) -> None:
        """Hear what happens, and end what must not go on, for ever."""
        subscribed = False
        while True:
            if not subscribed and self._client.is_connected:
                for subject in self._subjects:
                    await self._client.subscribe(subject, cb=self._hear)
                subscribed = True
            self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def _hear(self, message: Msg) -> None:
        headers = message.headers or {}
        try:
            organization, aggregate = UUID(headers["organization"]), UUID(headers["aggregate"])
        except (KeyError, ValueError):
            log.warning("signal_unreadable", subject=message.subject)
            return
        signal = Signal(message.subject, message.data)
        for topic in ((organization, aggregate), (organization, None)):
            for stream in tuple(self._open.get(topic, ())):
                stream.signal(signal)

    def look(self) -> None:
        """End streams that rest on what was revoked or has expired, and say where something may have been missed."""
        now, reconnects = self._clock(), self._client.stats["reconnects"]
        missed, self._reconnects = reconnects != self._reconnects, reconnects
        for stream in [stream for streams in self._open.values() for stream in streams]:
            if self._stopping():
                stream.end("stopping")
            elif stream.principal.expires_at <= now:
                stream.end("expired")
            elif self._revocations.revoked(stream.principal):
                stream.end("revoked")
            elif missed:
                stream.signal(MISSED)


class EventStream(Response[Any]):
    """The answer that never ends by itself."""

    def __init__(self, stream: OpenStream, content: AsyncGenerator[bytes]) -> None:
        super().__init__(None)
        self._sending = (stream, content)

    @override
    def to_asgi_response(self, *args: Any, **kwargs: Any) -> ASGIResponse:
        return _Sending(*self._sending)


class _Sending(ASGIResponse):
    """Sends until the stream ends or the client goes, whichever is first."""

    __slots__ = ("_content", "_open")

    def __init__(self, stream: OpenStream, content: AsyncGenerator[bytes]) -> None:
        super().__init__()
        self._open = stream
        self._content = content

    @override
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async with aclosing(self._content), create_task_group() as group:
            self._open.scope = group.cancel_scope
            group.start_soon(_until_gone, receive, group.cancel_scope)
            async for chunk in self._content:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            group.cancel_scope.cancel()


async def _until_gone(receive: Any, scope: CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
