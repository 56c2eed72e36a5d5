"""The inbox: which events have taken effect, and the dead letters that cannot."""

from datetime import datetime
from uuid import UUID, uuid5

import msgspec

from carbot_core import telemetry
from carbot_core.db import Tx

_NAMELESS = UUID("6f1c0d52-7d3c-5a55-9f0e-2d0f7c1a9a11")


class DeadLetter(msgspec.Struct, frozen=True):
    """An event that could not take effect."""

    id: UUID
    consumer: str
    event_id: UUID
    subject: str
    headers: dict[str, str]
    body: bytes
    error: str
    trace_id: str | None
    failed_at: datetime
    replayed_at: datetime | None


class Claimed(msgspec.Struct, frozen=True):
    """An event that is this transaction's to handle."""

    event_id: UUID


async def claim_all(tx: Tx, consumer: str, event_ids: list[UUID]) -> set[UUID]:
    """Take events for this transaction; return those that have not taken effect before."""
    claimed = await tx.all(
        Claimed,
        """
        INSERT INTO inbox (consumer, event_id)
        SELECT $1, event_id FROM unnest($2::uuid[]) AS event_id ORDER BY event_id
        ON CONFLICT DO NOTHING
        RETURNING event_id
        """,
        consumer,
        event_ids,
    )
    return {each.event_id for each in claimed}


async def bury(tx: Tx, consumer: str, subject: str, headers: dict[str, str], body: bytes, error: str) -> None:
    """Store a dead letter, once per consumer and event; a message without an id gets one from its body."""
    try:
        event_id = UUID(headers.get("ce-id", ""))
    except ValueError:
        event_id = uuid5(_NAMELESS, subject + body.hex())
    await tx.execute(
        """
        INSERT INTO dead_letters (consumer, event_id, subject, headers, body, error, trace_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (consumer, event_id) DO UPDATE
        SET error = EXCLUDED.error, failed_at = now(), replayed_at = NULL
        """,
        consumer,
        event_id,
        subject,
        {name: _storable(value) for name, value in headers.items()},
        body,
        error,
        telemetry.trace_id(),
    )


def _storable(text: str) -> str:
    """Return the text without what PostgreSQL cannot store: a broken header must not keep its event from being buried."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


async def list_dead_letters(tx: Tx) -> list[DeadLetter]:
    return await tx.all(
        DeadLetter,
        """
        SELECT id, consumer, event_id, subject, headers, body, error, trace_id, failed_at, replayed_at
        FROM dead_letters
        ORDER BY failed_at DESC, id
        LIMIT 500
        """,
    )


async def find_dead_letter(tx: Tx, letter_id: UUID) -> DeadLetter | None:
    return await tx.first(
        DeadLetter,
        """
        SELECT id, consumer, event_id, subject, headers, body, error, trace_id, failed_at, replayed_at
        FROM dead_letters
        WHERE id = $1
        """,
        letter_id,
    )


async def mark_replayed(tx: Tx, letter_id: UUID) -> None:
    await tx.execute("UPDATE dead_letters SET replayed_at = now() WHERE id = $1", letter_id)


async def forget(tx: Tx, *, before: datetime) -> int:
    """Delete what is older than any event that can still be delivered; return how many rows, at most 500."""
    return await tx.execute(
        """
        DELETE FROM inbox
        WHERE (consumer, event_id) IN (SELECT consumer, event_id FROM inbox WHERE processed_at < $1 LIMIT 500)
        """,
        before,
    )
