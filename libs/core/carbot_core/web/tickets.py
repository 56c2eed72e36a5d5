"""Tickets: what opens a stream in place of a token, which EventSource cannot send. Good once, for half a minute, on any process."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from carbot_core.auth.principal import Principal
from carbot_core.context import Context
from carbot_core.credentials import Credential
from carbot_core.db import Database, Tx
from carbot_core.errors import Unauthorized
from carbot_core.ids import new_id

PREFIX = "st"
LIFETIME = timedelta(seconds=30)


class TicketNotValid(Unauthorized):
    """The ticket is unknown, used, or older than 30 seconds: get another one."""


class StreamTicket(msgspec.Struct, frozen=True):
    """What opens a stream, once."""

    ticket: str
    expires_at: datetime


class Admitted(msgspec.Struct, frozen=True):
    """Whom a ticket admits, and the aggregate to follow: None for all of the organisation's."""

    principal: Principal
    topic: UUID | None


async def issue(tx: Tx, kind: str, principal: Principal, topic: UUID | None, *, now: datetime) -> StreamTicket:
    """Make a ticket for streams of this kind."""
    credential = Credential.mint(PREFIX, tx.organization_id, new_id())
    expires_at = now + LIFETIME
    await tx.execute(
        """
        INSERT INTO stream_tickets (organization_id, id, secret_hash, kind, topic, principal, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        tx.organization_id,
        credential.id,
        credential.hash(),
        kind,
        topic,
        principal,
        expires_at,
    )
    return StreamTicket(str(credential), expires_at)


async def redeem(database: Database, kind: str, text: str, *, now: datetime) -> Admitted:
    """Use a ticket up and return whom it admits; raise TicketNotValid."""
    credential = Credential.parse(text, PREFIX)
    if credential is None:
        raise TicketNotValid(reason="form")
    async with database.transaction(Context(organization_id=credential.organization_id)) as tx:
        admitted = await tx.first(
            Admitted,
            """
            DELETE FROM stream_tickets
            WHERE organization_id = $1 AND id = $2 AND secret_hash = $3 AND kind = $4 AND expires_at > $5
            RETURNING principal, topic
            """,
            credential.organization_id,
            credential.id,
            credential.hash(),
            kind,
            now,
        )
    if admitted is None or admitted.principal.expires_at <= now:
        raise TicketNotValid(reason="unknown, used or expired")
    return admitted


async def forget(tx: Tx, *, before: datetime) -> int:
    """Delete the organisation's tickets that nobody used in time; return how many, at most 500."""
    return await tx.execute(
        """
        DELETE FROM stream_tickets
        WHERE organization_id = $1 AND id IN (
            SELECT id FROM stream_tickets WHERE organization_id = $1 AND expires_at < $2 LIMIT 500
        )
        """,
        tx.organization_id,
        before,
    )
