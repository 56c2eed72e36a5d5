"""Consumers: an event takes effect once, in one transaction, in the context of its organisation."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from time import monotonic, perf_counter
from typing import Any
from uuid import UUID

import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.client import JetStreamContext
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from carbot_contracts.event import Event
from carbot_core import bus, inbox, telemetry
from carbot_core.clock import Clock
from carbot_core.context import Context
from carbot_core.db import Database, Tx
from carbot_core.errors import DatabaseUnavailable, Refusal, Unavailable

log = structlog.get_logger()

FETCH_SECONDS = 2.0
CHECK_SECONDS = 5.0
STALLED_SECONDS = 15.0
BATCH = 100
TOGETHER = 25
"""How many events one transaction takes before others run beside it."""
CONCURRENCY = 4
"""How many transactions of a consumer run at once at the most; an organisation's events are all in the same one."""
ACK_WAIT_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 60.0


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What the headers of an event say (CloudEvents 1.0, binary mode)."""

    event_id: UUID
    subject: str
    organization_id: UUID
    aggregate_id: UUID
    version: int
    occurred_at: datetime
    traceparent: str | None = None
    seal_key: str | None = None
    """The key that opens the body, where it is sealed."""


type Handler[E: Event] = Callable[[Tx, E, Envelope], Awaitable[None]]


class Unreadable(Exception):
    """The message is not an event that this consumer can ever read."""


class Consumer:
    """A durable of this service on the stream of another: which events it takes, and what each does."""

    batch = BATCH
    """How many events are fetched at once."""

    def __init__(self, service: str, name: str, stream: str, handlers: Mapping[type[Any], Handler[Any]]) -> None:
        self.name = name
        self.stream = stream
        self.durable = f"{service}-{name}"
        self.subjects = tuple(event.subject for event in handlers)
        self._handlers = {event.subject: (msgspec.json.Decoder(event), handler) for event, handler in handlers.items()}

    def config(self) -> ConsumerConfig:
        return ConsumerConfig(
            durable_name=self.durable,
            filter_subjects=list(self.subjects),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_SECONDS,
            max_deliver=-1,
            max_ack_pending=1000,
        )

    def prepare(self, settings: Any) -> "Consumer":  # noqa: ARG002 - the plain one needs none
        """Return the consumer as a worker runs it: one that needs settings takes them here."""
        return self

    async def handle(self, database: Database, envelope: Envelope, body: bytes) -> bool:
        """Let the event take effect; return False if it has before. Raise Unreadable if nothing can."""
        return await self.handle_together(database, [(envelope, body)]) == 1

    async def handle_together(self, database: Database, events: list[tuple[Envelope, bytes]]) -> int:
        """Let events take effect in one transaction, in their order; return how many have not before.

        If one cannot, none does, and whatever hinders it is raised.
        """
        read = [(envelope, self.read(envelope, body)) for envelope, body in events]
        async with database.transaction(_context_of(events[0][0])) as tx:
            claimed = await inbox.claim_all(tx, self.name, [envelope.event_id for envelope, _ in events])
            new = {envelope.event_id: (envelope, event) for envelope, event in read if envelope.event_id in claimed}
            if new:
                await self.take(tx, list(new.values()))
        return len(new)

    def read(self, envelope: Envelope, body: bytes) -> Any:
        """Return what the body says; raise Unreadable."""
        known = self._handlers.get(envelope.subject)
        if known is None:
            raise Unreadable(f"no handler for {envelope.subject}")
        try:
            return known[0].decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Unreadable("the body is not what the contract says") from error

    async def take(self, tx: Tx, events: list[tuple[Envelope, Any]]) -> None:
        """Let events that are new take effect, each in the context of its organisation."""
        for envelope, event in events:
            with telemetry.processing(envelope.subject, envelope.traceparent):
                await tx.go_on_as(_context_of(envelope))
                await self._handlers[envelope.subject][1](tx, event, envelope)

    async def replay(self, database: Database, letter: inbox.DeadLetter) -> None:
        """Let a dead letter take effect, now that its cause is mended; raise what still hinders it."""
        await self.handle(database, read_envelope(letter.subject, letter.headers), letter.body)


def _context_of(envelope: Envelope) -> Context:
    return Context(organization_id=envelope.organization_id, trace_id=telemetry.trace_of(envelope.traceparent))


def read_envelope(subject: str, headers: Mapping[str, str]) -> Envelope:
    """Return what the headers say; raise Unreadable if they do not."""
    try:
        return msgspec.convert(
            {
                "event_id": headers.get("ce-id"),
                "subject": subject,
                "organization_id": headers.get("organization"),
                "aggregate_id": headers.get("aggregate"),
                "version": headers.get("aggregate-version"),
                "occurred_at": headers.get("ce-time"),
                "traceparent": headers.get("traceparent"),
                "seal_key": headers.get("seal-key"),
            },
            Envelope,
            strict=False,
        )
    except msgspec.ValidationError as error:
        raise Unreadable("the headers are not those of an event") from error


class Consumption:
    """A running consumer: fetches, handles, acknowledges, and makes its durable again when it has vanished."""

    def __init__(self, consumer: Consumer, database: Database, stream: JetStreamContext, clock: Clock) -> None:
        self._consumer = consumer
        self._database = database
        self._stream = stream
        self._clock = clock
        self._alive_at = monotonic()

    @property
    def stalled(self) -> bool:
        """Whether the durable was not seen for longer than a short outage lasts."""
        return monotonic() - self._alive_at > STALLED_SECONDS

    async def run(self) -> None:
        """Consume for ever."""
        while True:
            try:
                await self._consume()
            except (nats.errors.Error, JetStreamError, OSError, TimeoutError) as error:
                log.warning("consumer_waits", consumer=self._consumer.name, reason=type(error).__name__)
                await asyncio.sleep(0.5 + random.random() / 2)  # noqa: S311 - jitter

    async def _consume(self) -> None:
        await self._ensure()
        subscription = await self._stream.pull_subscribe_bind(
            consumer=self._consumer.durable, stream=self._consumer.stream
        )
        try:
            checked = monotonic()
            while True:
                try:
                    messages = await subscription.fetch(self._consumer.batch, timeout=FETCH_SECONDS)
                except TimeoutError:
                    messages = []
                await self._handle_all(messages)
                if len(messages) < self._consumer.batch:
                    await asyncio.sleep(bus.GATHER_SECONDS)
                if monotonic() - checked > CHECK_SECONDS:
                    # A fetch from a deleted durable looks like an empty queue for ever.
                    await self._ensure()
                    checked = monotonic()
        finally:
            await subscription.unsubscribe()

    async def _ensure(self) -> None:
        try:
            info = await self._stream.consumer_info(self._consumer.stream, self._consumer.durable)
        except NotFoundError:
            await self._stream.add_consumer(self._consumer.stream, self._consumer.config())
            log.warning("consumer_created", consumer=self._consumer.name)
        else:
            if set(info.config.filter_subjects or [info.config.filter_subject]) != set(self._consumer.subjects):
                await self._stream.add_consumer(self._consumer.stream, self._consumer.config())
            telemetry.consumer_lag.set(info.num_pending or 0, {"consumer": self._consumer.name})
        self._alive_at = monotonic()

    async def _handle_all(self, messages: list[Msg]) -> None:
        """Handle the events of one organisation in their order, those of different ones at once."""
        count = min(1 + len(messages) // TOGETHER, CONCURRENCY)
        groups: dict[int, list[Msg]] = defaultdict(list)
        for message in messages:
            groups[hash((message.headers or {}).get("organization")) % count].append(message)
        outcomes = await asyncio.gather(
            *(self._handle_group(group) for group in groups.values()), return_exceptions=True
        )
        for fault in outcomes:
            if fault is not None:
                raise fault

    async def _handle_group(self, messages: list[Msg]) -> None:
        if len(messages) > 1 and await self._handle_together(messages):
            return
        for message in messages:
            await self._handle_one(message)

    async def _handle_together(self, messages: list[Msg]) -> bool:
        """Handle them in one transaction; False if each is to be handled alone, as after a fault of one."""
        started = perf_counter()
        try:
            events = [(read_envelope(message.subject, message.headers or {}), message.data) for message in messages]
            await self._consumer.handle_together(self._database, events)
        except DatabaseUnavailable as refusal:
            for message in messages:
                await self._postpone(message, refusal)
            return True
        except Exception as fault:  # noqa: BLE001 - handled alone, it says what is wrong, and the others take effect
            log.warning("events_parted", consumer=self._consumer.name, reason=type(fault).__name__)
            return False
        share = (perf_counter() - started) / len(messages)
        for message, (envelope, _) in zip(messages, events, strict=True):
            await self._acknowledge(message, envelope)
            telemetry.handled.record(share, {"consumer": self._consumer.name, "outcome": "handled"})
        return True

    async def _handle_one(self, message: Msg) -> None:
        started = perf_counter()
        outcome = await self._settle(message)
        telemetry.handled.record(perf_counter() - started, {"consumer": self._consumer.name, "outcome": outcome})

    async def _settle(self, message: Msg) -> str:
        """Let the event take effect, or postpone it, or bury it; return what became of it."""
        outcome = "handled"
        try:
            envelope = read_envelope(message.subject, message.headers or {})
            if not await self._consumer.handle(self._database, envelope, message.data):
                outcome = "repeated"
        except Unavailable as refusal:
            await self._postpone(message, refusal)
            return "postponed"
        except Exception as fault:  # noqa: BLE001 - whatever it is, it must not stop the others
            with telemetry.processing(message.subject, (message.headers or {}).get("traceparent")):
                await self._bury(message, fault)
            return "dead"
        # Outside the try: an event that took effect is not dead because the broker could not be told.
        await self._acknowledge(message, envelope)
        return outcome

    async def _acknowledge(self, message: Msg, envelope: Envelope) -> None:
        delay = (self._clock() - envelope.occurred_at).total_seconds()
        telemetry.effect_delay.record(max(delay, 0), {"consumer": self._consumer.name})
        await message.ack()

    async def _postpone(self, message: Msg, reason: BaseException) -> None:
        """Let the broker deliver it again: after 1, 2, 4 ... 60 seconds with jitter."""
        pause = min(2.0 ** (message.metadata.num_delivered - 1), LONGEST_PAUSE_SECONDS) * (0.5 + random.random())  # noqa: S311 - jitter
        log.warning(
            "event_postponed", consumer=self._consumer.name, reason=type(reason).__name__, seconds=round(pause, 1)
        )
        await message.nak(delay=pause)

    async def _bury(self, message: Msg, fault: Exception) -> None:
        """Keep what can never take effect where people find it, and let the others pass."""
        reason = fault.code() if isinstance(fault, Refusal) else type(fault).__name__
        log.error("event_dead", consumer=self._consumer.name, subject=message.subject, fault=fault)
        try:
            async with self._database.transaction(Context()) as tx:
                await inbox.bury(
                    tx, self._consumer.name, message.subject, dict(message.headers or {}), message.data, reason
                )
        except Unavailable as refusal:
            await self._postpone(message, refusal)
            return
        telemetry.dead_letters.add(1, {"consumer": self._consumer.name})
        await message.term()
