"""Events leave in the transaction that made them true: a row in the outbox, published later by the relay."""

from collections.abc import Sequence

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


async def add_all(tx: Tx, events: Sequence[tuple[Event, int]]) -> None:
    """Announce events, each with its version, in this order and in one statement: as add does."""
    if not events:
        return
    await tx.execute(
        """
        INSERT INTO outbox (event_id, organization_id, subject, aggregate_id, aggregate_version, traceparent, body)
        SELECT event_id, $1, subject, aggregate_id, aggregate_version, $2, body
        FROM unnest($3::uuid[], $4::text[], $5::uuid[], $6::bigint[], $7::bytea[]) WITH ORDINALITY
            AS added (event_id, subject, aggregate_id, aggregate_version, body, place)
        ORDER BY place
        """,
        tx.organization_id,
        telemetry.traceparent(),
        [new_id() for _ in events],
        [event.subject for event, _ in events],
        [event.aggregate_id() for event, _ in events],
        [version for _, version in events],
        [_encode(event) for event, _ in events],
    )
    tx.leaves_work = True
