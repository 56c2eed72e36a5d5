"""The broker: NATS JetStream, which delivers and never records."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress

import nats.errors
import structlog
from nats.aio.client import Client
from nats.js.api import PubAck, RetentionPolicy, StorageType, StreamConfig
from nats.js.client import JetStreamContext
from nats.js.errors import NotFoundError

from carbot_core import telemetry

log = structlog.get_logger()

CONNECT_SECONDS = 10.0
ACK_SECONDS = 2.0
IN_FLIGHT = 1000
GATHER_SECONDS = 0.01
"""How long whoever has just carried, taken or woken lets the next gather: the first goes at once, those of a crowd together."""

DAY = 86_400.0
KEPT_SECONDS = 7 * DAY
DUPLICATE_WINDOW_SECONDS = 300.0
MAX_MESSAGE_BYTES = 768 * 1024


def stream_name(service: str) -> str:
    """Return the name of the stream of what a service publishes."""
    return service.upper()


@asynccontextmanager
async def connect(url: str, seed: str, name: str, *, wait: float | None = None) -> AsyncGenerator[Client]:
    """Connect in the background for as long as it takes, so that a process starts and serves while the broker is down.

    With `wait`, return only when connected, and raise TimeoutError after so many seconds.
    """
    client = Client()

    async def on_error(error: Exception) -> None:
        # A denied subject reaches the caller as a time-out; only here the reason is told.
        telemetry.broker_errors.add(1, {"kind": type(error).__name__})
        log.warning("broker_error", kind=type(error).__name__, reason=str(error)[:200])

    async def on_disconnect() -> None:
        log.warning("broker_disconnected")

    async def on_reconnect() -> None:
        log.info("broker_connected")

    connecting = asyncio.create_task(
        client.connect(
            url,
            name=name,
            nkeys_seed_str=seed,
            inbox_prefix=f"_INBOX_{name.partition('-')[0]}".encode(),
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.25,  # pyright: ignore[reportArgumentType] - it sleeps for a float as well
            connect_timeout=2,
            ping_interval=5,
            max_outstanding_pings=2,
            error_cb=on_error,
            disconnected_cb=on_disconnect,
            reconnected_cb=on_reconnect,
        ),
    )
    try:
        if wait is not None:
            await asyncio.wait_for(asyncio.shield(connecting), wait)
        yield client
    finally:
        connecting.cancel()
        with suppress(asyncio.CancelledError, nats.errors.Error, OSError):
            await connecting
        with suppress(nats.errors.Error, OSError, TimeoutError):
            await asyncio.wait_for(client.close(), 2)


def jetstream(client: Client) -> JetStreamContext:
    """Return the JetStream of a connection, with our time-outs."""
    return client.jetstream(timeout=ACK_SECONDS, publish_async_max_pending=IN_FLIGHT)


async def publish_all(stream: JetStreamContext, messages: list[tuple[str, bytes, Mapping[str, str]]]) -> list[bool]:
    """Publish many messages at once; return for each whether the broker has it for certain.

    A missing answer means unknown, not failed: publish again under the same Nats-Msg-Id.
    """

    async def one(subject: str, body: bytes, headers: Mapping[str, str]) -> bool:
        try:
            ack: PubAck = await stream.publish(subject, body, timeout=ACK_SECONDS, headers=dict(headers))
        except (nats.errors.Error, OSError, TimeoutError):
            telemetry.publish_failures.add(1)
            return False
        return bool(ack.stream)

    return await asyncio.gather(*(one(*message) for message in messages))


async def wake(client: Client, service: str) -> None:
    """Tell the service's workers that there is work; nothing is lost if nobody hears it, since they also look by themselves."""
    if client.is_connected:
        with suppress(nats.errors.Error, OSError):
            await client.publish(f"wake.{service}", b"")


def stream_config(name: str, subjects: list[str], replicas: int) -> StreamConfig:
    return StreamConfig(
        name=name,
        subjects=subjects,
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        max_age=KEPT_SECONDS,
        max_msg_size=MAX_MESSAGE_BYTES,
        duplicate_window=DUPLICATE_WINDOW_SECONDS,
        num_replicas=replicas,
        deny_delete=True,
        allow_direct=True,
    )


DURABLE_REPLICAS = 3


async def weaknesses(stream: JetStreamContext, name: str) -> list[str]:
    """Return in what a stream falls short of what production promises (architecture, section 6)."""
    found = (await stream.stream_info(name)).config
    holds = {
        f"num_replicas >= {DURABLE_REPLICAS}": (found.num_replicas or 0) >= DURABLE_REPLICAS,
        "storage: file": found.storage == StorageType.FILE,
        "retention: limits": found.retention == RetentionPolicy.LIMITS,
        "max_age >= 7 days": (found.max_age or 0) >= KEPT_SECONDS,
        "duplicate_window >= 5 min": (found.duplicate_window or 0) >= DUPLICATE_WINDOW_SECONDS,
    }
    return [promise for promise, kept in holds.items() if not kept]


async def provision(stream: JetStreamContext, streams: Mapping[str, list[str]], *, replicas: int) -> None:
    """Make the streams, or bring them to these settings; safe to repeat."""
    for name, subjects in streams.items():
        config = stream_config(name, subjects, replicas)
        try:
            await stream.stream_info(name)
        except NotFoundError:
            await stream.add_stream(config)
        else:
            await stream.update_stream(config)
