"""What a process says of itself: /health/live, /health/ready, /health/dependencies and /metrics."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from litestar.types import Receive, Scope, Send

from carbot_core import telemetry
from carbot_core.errors import Unavailable

CHECK_SECONDS = 1.0

type Check = Callable[[], Awaitable[bool]]


class Health:
    """Live: the loop turns. Ready: nothing is left to wait for. Dependencies: for people and alerts, never for a probe."""

    def __init__(self) -> None:
        self.waits_for: set[str] = {"start"}
        self.unfit: str | None = None
        """Why this process can never be ready and has to end."""
        self.refused = asyncio.Event()
        self.conditions: dict[str, Callable[[], bool]] = {}
        self.dependencies: dict[str, Check] = {}
        self.stopping = False
        """Whether clients are told with each answer to connect elsewhere."""
        self.asked_at = float("-inf")
        """When the last request came that is not a probe's, by the monotonic clock."""

    def stop(self) -> None:
        """Say to probes and clients that others are to be asked from now on."""
        self.stopping = True
        self.waits_for.add("the end: the process is stopping")

    def refuse(self, sentence: str) -> None:
        """Let the process end, and say why."""
        self.unfit = sentence
        self.waits_for.add(sentence)
        self.refused.set()

    def unready(self) -> list[str]:
        """Return what readiness still waits for."""
        return sorted(self.waits_for | {name for name, holds in self.conditions.items() if not holds()})

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        match scope["path"]:
            case "/health/live":
                await _answer(send, 200, {"status": "live"})
            case "/health/ready":
                waits = self.unready()
                await _answer(
                    send, 503 if waits else 200, {"status": "waiting" if waits else "ready", "waits_for": waits}
                )
            case "/health/dependencies":
                states = await asyncio.gather(*(_state(check) for check in self.dependencies.values()))
                found = dict(zip(self.dependencies, states, strict=True))
                await _answer(send, 200 if all(states) else 503, {n: "ok" if ok else "down" for n, ok in found.items()})
            case "/metrics":
                await _send(send, 200, b"text/plain; version=0.0.4; charset=utf-8", telemetry.exposition())
            case _:
                await _answer(send, 404, {"status": "there is nothing here"})


async def _state(check: Check) -> bool:
    try:
        return await asyncio.wait_for(check(), CHECK_SECONDS)
    except (TimeoutError, OSError, Unavailable):
        return False


async def _answer(send: Send, status: int, content: Mapping[str, object]) -> None:
    await _send(send, status, b"application/json", msgspec.json.encode(content))


async def _send(send: Send, status: int, media_type: bytes, body: bytes) -> None:
    headers = [
        (b"content-type", media_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})  # pyright: ignore[reportArgumentType] - http trailers are optional
    await send({"type": "http.response.body", "body": body, "more_body": False})
