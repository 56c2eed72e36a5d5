"""One request and its answer: its ids, its body, its transaction."""

import re
from typing import Any, Self
from uuid import UUID

from litestar.types import HTTPReceiveMessage, Receive, Scope

from carbot_core.context import Context
from carbot_core.db import Database, Tx
from carbot_core.ids import new_id
from carbot_core.reading import Reading

_KEY = "carbot.exchange"
_LONGEST_AGENT = 200


class Replay(Exception):
    """The answer that this idempotency key got before."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        super().__init__("replayed")
        self.status = status
        self.headers = headers
        self.body = body


class Exchange:
    """What the edge, the dependencies and the renderer know of a request."""

    def __init__(self, scope: Scope, receive: Receive, database: Database, trace_id: str, client: str) -> None:
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.method = str(scope.get("method", ""))
        self.path = scope["path"]
        self.query = bytes(scope.get("query_string", b""))
        self.client = client
        self.request_id = _request_id(self.headers.get(b"x-request-id"))
        self.trace_id = trace_id
        self.database = database
        self._receive = receive
        self._received: list[HTTPReceiveMessage] = []
        self._replayed = 0
        self.gone = False
        self.receiving = False
        self.forget()

    def forget(self) -> None:
        """Begin again: the request is run once more, from the body that was kept."""
        self.tx: Tx | None = None
        self.commits = False
        self.retry = False
        self.to_store: tuple[UUID, str, bytes] | None = None
        self._replayed = 0

    @classmethod
    def of(cls, scope: Any) -> Self:
        exchange: Self = scope["state"][_KEY]
        return exchange

    def attach(self, scope: Scope) -> Scope:
        """Return a scope of its own for one run of the application."""
        return {**scope, "state": {**scope.get("state", {}), _KEY: self}}  # pyright: ignore[reportReturnType] - a copy is what it was

    def header(self, name: str) -> str | None:
        value = self.headers.get(name.encode())
        return None if value is None else value.decode("latin-1")

    @property
    def user_agent(self) -> str:
        return (self.header("user-agent") or "")[:_LONGEST_AGENT]

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self._received)

    async def receive(self) -> Any:
        """Give the application the next message, kept so that the request can be run once more."""
        if self._replayed < len(self._received):
            self._replayed += 1
            return self._received[self._replayed - 1]
        self.receiving = True
        message = await self._receive()
        self.receiving = False
        self.gone = message["type"] == "http.disconnect"
        if message["type"] == "http.request":
            self._received.append(message)
            self._replayed += 1
        return message

    async def begin(self, context: Context, *, read_only: bool) -> Tx:
        """Begin the request's transaction; the edge commits it before the answer is sent."""
        if self.tx is not None:
            raise RuntimeError("the request has its transaction")
        self.tx = Reading(self.database, context) if read_only else await self.database.begin(context)
        return self.tx

    async def begin_stale(self, context: Context, *, seen: int | None) -> Tx:
        """Begin the request's read, on a replica if one has seen the position."""
        self.tx = await self.database.begin_stale(context, seen=seen)
        return self.tx

    async def rollback(self) -> None:
        if self.tx is not None:
            await self.tx.rollback()


def _request_id(header: bytes | None) -> UUID:
    """Take over a request id only in the one form that cannot be anything else."""
    if header is not None and re.fullmatch(rb"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", header):
        return UUID(header.decode())
    return new_id()
