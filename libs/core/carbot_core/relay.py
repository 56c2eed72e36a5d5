"""The relay carries the outbox to the broker: one leader per schema and lane, in the order of positions.

One transaction: take the lock, read what is unpublished, publish it, mark it, commit. It is the one place where the network is
used inside a transaction; a frozen leader is ended by the database after three seconds and so loses its lock.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import structlog
from nats.js.client import JetStreamContext

from carbot_core import bus, telemetry
from carbot_core.context import Context
from carbot_core.crypto import Sealer
from carbot_core.db import Database, Tx
from carbot_core.errors import Unavailable
from carbot_core.outbox_lanes import AUDIT, EVENTS, Lane

log = structlog.get_logger()

POLL_SECONDS = 0.5
BATCH = 500
_FAILED_SECONDS = 0.5

__all__ = ["AUDIT", "EVENTS", "Relay"]


class OutboxRow(msgspec.Struct, frozen=True):
    pos: int
    event_id: UUID
    organization_id: UUID
    subject: str
    aggregate_id: UUID
    aggregate_version: int
    traceparent: str | None
    body: bytes
    created_at: datetime
    publications: int


class Relay:
    """One lane of a service's outbox; any number may run, one at a time works."""

    def __init__(
        self,
        database: Database,
        stream: JetStreamContext,
        *,
        service: str,
        lane: Lane,
        connected: Callable[[], bool],
        sealer: Sealer | None = None,
    ) -> None:
        self._database = database
        self._stream = stream
        self._service = service
        self._lane = lane
        self._connected = connected
        self._sealer = sealer
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look now, not at the next poll."""
        self._woken.set()

    async def run(self) -> None:
        """Carry for ever."""
        while True:
            self._woken.clear()
            try:
                carried = await self.carry() if self._connected() else 0
            except Unavailable as refusal:
                log.warning("relay_waits", lane=self._lane.name, reason=refusal.code())
                await asyncio.sleep(_FAILED_SECONDS)
                continue
            if carried == BATCH:
                continue
            await asyncio.sleep(bus.GATHER_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), POLL_SECONDS)

    async def carry(self) -> int:
        """Publish one batch; return how many rows were published and marked, 0 also where another relay leads."""
        async with self._database.transaction(Context()) as tx:
            rows = await self._unpublished(tx)
            if not rows:
                return 0
            sent = await bus.publish_all(self._stream, [self._message(row) for row in rows])
            # A row that may not have arrived ends the batch: nothing of the same aggregate may overtake it.
            arrived = rows[: sent.index(False)] if False in sent else rows
            if arrived:
                await tx.execute(
                    self._lane.mark,
                    [row.pos for row in arrived],
                    min(r.created_at for r in arrived),
                    max(r.created_at for r in arrived),
                )
        if len(arrived) < len(rows):
            log.warning("publish_unanswered", lane=self._lane.name, rows=len(rows) - len(arrived))
            await asyncio.sleep(_FAILED_SECONDS)
        telemetry.published.add(len(arrived), {"lane": self._lane.name})
        return len(arrived)

    async def measure(self) -> None:
        """Record the lane's depth and the age of its oldest row."""
        async with self._database.transaction(Context(), read_only=True) as tx:
            backlog = await tx.one(Backlog, self._lane.backlog)
        telemetry.outbox_depth.set(backlog.depth, {"lane": self._lane.name})
        telemetry.outbox_age.set(backlog.age, {"lane": self._lane.name})

    async def _unpublished(self, tx: Tx) -> list[OutboxRow]:
        leads = await tx.value(bool, self._lane.lead, f"carbot.relay.{self._service}.{self._lane.name}")
        return await tx.all(OutboxRow, self._lane.unpublished) if leads else []

    def _message(self, row: OutboxRow) -> tuple[str, bytes, dict[str, str]]:
        headers = {
            "Nats-Msg-Id": f"{row.event_id}.{row.publications}",
            "ce-specversion": "1.0",
            "ce-id": str(row.event_id),
            "ce-source": f"/carbot/{self._service}",
            "ce-type": row.subject,
            "ce-time": row.created_at.astimezone(UTC).isoformat(),
            "organization": str(row.organization_id),
            "aggregate": str(row.aggregate_id),
            "aggregate-version": str(row.aggregate_version),
        }
        if row.traceparent:
            headers["traceparent"] = row.traceparent
        if self._sealer is None:
            return row.subject, row.body, headers
        headers["seal-key"] = self._sealer.key_id
        return row.subject, self._sealer.seal(row.body, str(row.event_id)), headers


class Backlog(msgspec.Struct, frozen=True):
    depth: int
    age: float
