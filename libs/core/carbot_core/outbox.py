"""Events leave in the transaction that made them true: a row in the outbox, published later by the relay."""

import msgspec

from carbot_contracts.event import Event
from carbot_core import telemetry
from carbot_core.db import Tx
from carbot_core.ids import new_id

_encode = msgspec.json.Encoder().encode


async def add(tx: Tx, event: Event, *, version: int) -> None:
    """Announce the event when the transaction commits.

    Call it after the aggregate's row was inserted or updated: its lock makes a later version take a later position.
    """
    await tx.execute(
        """
        INSERT INTO outbox (event_id, organization_id, subject, aggregate_id, aggregate_version, traceparent, body)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        new_id(),
        tx.organization_id,
        event.subject,
        event.aggregate_id(),
        version,
        telemetry.traceparent(),
        _encode(event),
    )
    tx.leaves_work = True
