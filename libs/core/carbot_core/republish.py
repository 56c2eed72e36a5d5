"""Publishing again what the outbox still has, batch by batch: news must not wait behind all of the past."""

import asyncio
from datetime import UTC, datetime

import msgspec

from carbot_core.context import Context
from carbot_core.db import Database, Tx
from carbot_core.outbox_lanes import EVENTS
from carbot_core.relay import Backlog
from carbot_core.settings import Settings

BATCH = 5000
_LOOK_SECONDS = 0.2


class Place(msgspec.Struct, frozen=True):
    """Where in the outbox a row is."""

    created_at: datetime
    pos: int


async def republish(settings: Settings, since: datetime) -> int:
    """Let the relay publish again what was published since then; return how many events. Between batches, wait for the relay."""
    until, after, count = datetime.now(UTC), Place(datetime.min.replace(tzinfo=UTC), 0), 0
    async with Database.connect(settings.database_url, statement_cache=settings.db_statement_cache) as database:
        while True:
            async with database.transaction(Context()) as tx:
                batch = await _unmark(tx, since, until, after)
            count += len(batch)
            if len(batch) < BATCH:
                return count
            after = max(batch, key=lambda place: (place.created_at, place.pos))
            while await _waiting(database) >= BATCH // 10:  # noqa: ASYNC110 - the relay is in another process
                await asyncio.sleep(_LOOK_SECONDS)


async def _unmark(tx: Tx, since: datetime, until: datetime, after: Place) -> list[Place]:
    """Note of the next rows in time that they are to be published; return where they are."""
    return await tx.all(
        Place,
        """
        UPDATE outbox
        SET published_at = NULL, publications = publications + 1
        FROM (
            SELECT created_at, pos
            FROM outbox
            WHERE created_at BETWEEN $1 AND $2 AND (created_at, pos) > ($3, $4) AND published_at IS NOT NULL
            ORDER BY created_at, pos
            LIMIT $5
        ) batch
        WHERE outbox.created_at = batch.created_at AND outbox.pos = batch.pos
        RETURNING outbox.created_at, outbox.pos
        """,
        since,
        until,
        after.created_at,
        after.pos,
        BATCH,
    )


async def _waiting(database: Database) -> int:
    async with database.transaction(Context(), read_only=True) as tx:
        return (await tx.one(Backlog, EVENTS.backlog)).depth
