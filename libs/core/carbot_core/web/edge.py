"""The edge of a service: outside Litestar, around every request.

It names the request, observes it, holds the answer back until the transaction is committed, runs the request once more after a
deadlock, and ends what takes too long. A client never sees an answer whose effect is not stored.
"""

import asyncio
from functools import cache
from time import monotonic, perf_counter
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from litestar import Litestar
from litestar.types import HTTPScope, Message, Receive, Scope, Send
from opentelemetry import trace

from carbot_core import telemetry
from carbot_core.db import Database, TransactionConflict
from carbot_core.errors import Refusal, Unavailable
from carbot_core.health import Health
from carbot_core.web import idempotency
from carbot_core.web.admission import Admission, Overloaded, Place
from carbot_core.web.clients import Network, address_of
from carbot_core.web.exchange import Exchange
from carbot_core.web.problems import MEDIA_TYPE, of_refusal

log = structlog.get_logger()

DEADLINE_SECONDS = 2.5
_ALWAYS_ANSWERED = ("/.well-known/",)
"""What is told from memory, and what everybody else needs to work at all."""
_ERROR = 400
_LENGTHS = frozenset({b"content-length", b"transfer-encoding"})
_FAULT = 500


class DeadlineExceeded(Unavailable):
    """The service could not answer in time: try again with the same Idempotency-Key."""


class MalformedHost(Refusal):
    """There must be one Host header, which is a host with a port."""

    status = 400


class AmbiguousLength(Refusal):
    """The body must have one Content-Length, or be chunked and nothing else."""

    status = 400


class BodyTooSlow(Refusal):
    """The body did not arrive in time: send it again."""

    status = 408


class Held:
    """An answer that is held back until its transaction is committed; a stream of events passes at once."""

    def __init__(self, send: Send, deadline: asyncio.Timeout, place: Place | None = None) -> None:
        self._send = send
        self._deadline = deadline
        self._place = place
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []
        self.streams = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(bytes(name), bytes(value)) for name, value in message["headers"]]
            self.streams = (b"content-type", b"text/event-stream") in {
                (n, v.partition(b";")[0]) for n, v in self.headers
            }
            if self.streams:
                self._deadline.reschedule(None)
                if self._place is not None:
                    self._place.leave()
        if self.streams:
            await self._send(message)
        elif message["type"] == "http.response.body":
            self.body.append(message["body"])

    def replace(self, refusal: Refusal) -> None:
        """Answer with a refusal instead."""
        self.status = refusal.status
        self.body = [msgspec.json.encode(of_refusal(refusal))]
        self.headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(self.body[0])).encode()),
            *((name.lower().encode(), value.encode()) for name, value in refusal.headers.items()),
        ]


class Edge:
    """The outermost ASGI application of a service."""

    def __init__(
        self, app: Litestar, database: Database, health: Health, *, trusted_proxies: tuple[Network, ...] = ()
    ) -> None:
        self.app = app
        self._trusted_proxies = trusted_proxies
        self._database = database
        self._health = health
        self._admission = Admission()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["path"].startswith(("/health/", "/metrics")):
            await self._health(scope, receive, send)
        else:
            self._health.asked_at = monotonic()
            if self._admission.full and not scope["path"].startswith(_ALWAYS_ANSWERED):
                await self._turn_away(scope["method"], send)
            else:
                await self._observe(scope, receive, send)

    async def _turn_away(self, method: str, send: Send) -> None:
        """Refuse before anything is read or noted but the count: what is refused must cost next to nothing."""
        labels = {
            "http.request.method": method,
            "http.route": "unmatched",
            "http.response.status_code": Overloaded.status,
        }
        telemetry.requests.record(0, labels)
        await self._send(send, _turned_away())

    async def _observe(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        method = scope["method"]
        parent = next((v.decode("latin-1") for n, v in scope["headers"] if n == b"traceparent"), None)
        telemetry.active[scope["scheme"]] += 1
        with telemetry.tracer.start_as_current_span(
            method, context=telemetry.parent_of(parent), kind=trace.SpanKind.SERVER, record_exception=False
        ) as span:
            exchange = Exchange(
                scope, receive, self._database, telemetry.trace_id(), address_of(scope, self._trusted_proxies)
            )
            status, route, organization = _FAULT, "unmatched", None
            try:
                status, route, organization = await self._answer(scope, exchange, send)
            finally:
                telemetry.active[scope["scheme"]] -= 1
                seconds = perf_counter() - started
                labels = {"http.request.method": method, "http.route": route, "http.response.status_code": status}
                telemetry.requests.record(seconds, labels)
                if span.is_recording():
                    span.update_name(f"{method} {route}")
                    span.set_attributes(labels)
                log.info(
                    "request",
                    method=method,
                    route=route,
                    status=status,
                    ms=round(seconds * 1000, 2),
                    organization=organization,
                    request_id=exchange.request_id,
                    trace_id=exchange.trace_id,
                )

    async def _answer(self, scope: HTTPScope, exchange: Exchange, send: Send) -> tuple[int, str, Any]:
        """Run the application, once more after a conflict, commit, and send; return status, route and organisation."""
        held: Held | None = None
        place: Place | None = None
        running: Any = scope
        try:
            async with asyncio.timeout(DEADLINE_SECONDS) as deadline:
                if not scope["path"].startswith(_ALWAYS_ANSWERED):
                    place = await self._admission.enter()
                for last in (False, True):
                    held = Held(send, deadline, place)
                    running = exchange.attach(scope)
                    await self._run(running, exchange, held)
                    if held.streams or last or not exchange.retry:
                        break
                    exchange.forget()
        except (TimeoutError, Overloaded) as late:
            await exchange.rollback()
            held = held or Held(send, asyncio.Timeout(None))
            held.replace(_of_lateness(late, exchange))
        finally:
            if place is not None:
                place.leave()
        principal = running.get("user")
        known = running.get("path_template"), getattr(principal, "organization_id", None)
        if not held.streams:
            await self._send(send, held, (b"x-request-id", str(exchange.request_id).encode()))
        return held.status, known[0] or "unmatched", known[1]

    async def _run(self, scope: Scope, exchange: Exchange, held: Held) -> None:
        try:
            _check_host(scope)
            _check_length(scope)
            await self.app(scope, exchange.receive, held)
            if not held.streams:
                await self._end_transaction(exchange, held)
        except (MalformedHost, AmbiguousLength) as refusal:
            held.replace(refusal)
        except Exception as fault:  # noqa: BLE001 - nothing leaves the edge but an answer
            await exchange.rollback()
            log.error("fault", fault=fault)
            held.replace(InternalError())
        except BaseException:
            await exchange.rollback()
            raise

    async def _end_transaction(self, exchange: Exchange, held: Held) -> None:
        tx = exchange.tx
        if tx is None:
            return
        if held.status >= _ERROR and not exchange.commits:
            await tx.rollback()
            return
        try:
            await idempotency.store(tx, exchange, held.status, held.headers, b"".join(held.body))
            await tx.commit()
        except Refusal as refusal:
            await tx.rollback()
            exchange.retry = isinstance(refusal, TransactionConflict)
            held.replace(refusal)
            return
        if exchange.method != "GET" and (position := await self._database.position()) is not None:
            held.headers.append((b"carbot-consistency", position.encode()))

    async def _send(self, send: Send, held: Held, *more: tuple[bytes, bytes]) -> None:
        headers = [*held.headers, *more]
        if not any(name == b"cache-control" for name, _ in headers):
            headers.append((b"cache-control", b"no-store"))
        if self._health.stopping:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": held.status, "headers": headers})  # pyright: ignore[reportArgumentType] - http trailers are optional
        await send({"type": "http.response.body", "body": b"".join(held.body), "more_body": False})


@cache
def _turned_away() -> Held:
    """Return the one answer of all who are turned away."""
    held = Held(_nobody, asyncio.Timeout(None))
    held.replace(Overloaded())
    return held


async def _nobody(_message: Message) -> None: ...


class InternalError(Refusal):
    """Something is wrong on our side; the trace id finds it."""

    status = 500


def _check_host(scope: Scope) -> None:
    """Raise MalformedHost (RFC 9112, section 3.2): whoever makes a URL of the request would fail at it."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    # Granian puts an empty one where there is none, which only HTTP/1.0 allows.
    if len(hosts) > 1 or (not any(hosts) and scope.get("http_version") == "1.1"):
        raise MalformedHost
    try:
        for host in hosts:
            _ = urlsplit(f"//{host.decode('ascii')}").port
    except ValueError:
        raise MalformedHost from None


def _check_length(scope: Scope) -> None:
    """Raise AmbiguousLength (RFC 9112, section 6): somebody on the way may have read another end of the body."""
    found = [header for header in scope["headers"] if header[0] in _LENGTHS]
    if len(found) > 1 or (found and found[0][0] == b"transfer-encoding" and found[0][1].lower() != b"chunked"):
        raise AmbiguousLength


def _of_lateness(late: TimeoutError | Overloaded, exchange: Exchange) -> Refusal:
    if isinstance(late, Overloaded):
        return late
    return BodyTooSlow() if exchange.receiving else DeadlineExceeded()
