"""Mails in SQL."""

from datetime import datetime
from uuid import UUID

import msgspec

from carbot_core.db import Tx
from carbot_tenancy.mails.models import Mail, MailState, SentMail


async def insert_mail(tx: Tx, mail: Mail, now: datetime) -> None:
    await tx.execute(
        """
        INSERT INTO tenancy.mails
            (organization_id, id, template, recipient, locale, parameters, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
        """,
        tx.organization_id,
        mail.id,
        mail.template,
        mail.recipient,
        mail.locale,
        mail.parameters,
        now,
    )


async def find_queued_mail(tx: Tx, mail_id: UUID) -> Mail | None:
    """Find a mail that is still to be sent."""
    return await tx.first(
        Mail,
        """
        SELECT id, template, recipient, locale, parameters
        FROM tenancy.mails
        WHERE organization_id = $1 AND id = $2 AND state = 'queued'
        """,
        tx.organization_id,
        mail_id,
    )


async def list_mails(tx: Tx, *, state: MailState | None, after: UUID | None, limit: int) -> list[SentMail]:
    """List mails, newest first."""
    return await tx.all(
        SentMail,
        """
        SELECT id, template, recipient, locale, state, attempts, sent_at, created_at
        FROM tenancy.mails
        WHERE organization_id = $1 AND ($2::text IS NULL OR state = $2) AND ($3::uuid IS NULL OR id < $3)
        ORDER BY id DESC
        LIMIT $4
        """,
        tx.organization_id,
        state,
        after,
        limit,
    )


async def mark_written(tx: Tx, mail_id: UUID, now: datetime) -> bool:
    """Note that a mail gets its letter; return whether this is the first time."""
    return bool(
        await tx.execute(
            """
            UPDATE tenancy.mails
            SET written_at = $3, updated_at = $3
            WHERE organization_id = $1 AND id = $2 AND written_at IS NULL
            """,
            tx.organization_id,
            mail_id,
            now,
        )
    )


class Count(msgspec.Struct, frozen=True):
    """How many mails of a template an address got in its window."""

    mails: int


async def update_count(tx: Tx, count_hash: bytes, *, window_ends_at: datetime, now: datetime) -> int:
    """Count one more mail and return the sum; a window that is over begins again. Keeps others waiting until the commit."""
    count = await tx.one(
        Count,
        """
        INSERT INTO tenancy.mail_counts AS c (hash, mails, window_ends_at)
        VALUES ($1, 1, $2)
        ON CONFLICT (hash) DO UPDATE
        SET mails = CASE WHEN c.window_ends_at <= $3 THEN 1 ELSE c.mails + 1 END,
            window_ends_at = CASE WHEN c.window_ends_at <= $3 THEN EXCLUDED.window_ends_at ELSE c.window_ends_at END
        RETURNING mails
        """,
        count_hash,
        window_ends_at,
        now,
    )
    return count.mails


async def mark_mail(tx: Tx, mail_id: UUID, state: MailState, *, attempts: int, now: datetime) -> None:
    """Note how far a mail came."""
    await tx.execute(
        """
        UPDATE tenancy.mails
        SET state = $3, attempts = $4, sent_at = CASE WHEN $3 = 'sent' THEN $5::timestamptz END, updated_at = $5
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        mail_id,
        state,
        attempts,
        now,
    )


async def delete_old_mails(tx: Tx, *, before: datetime) -> int:
    """Delete mails that nobody waits for any more; return how many, at most 500."""
    return await tx.execute(
        """
        DELETE FROM tenancy.mails
        WHERE organization_id = $1 AND id IN (
            SELECT id
            FROM tenancy.mails
            WHERE organization_id = $1 AND state <> 'queued' AND created_at < $2
            LIMIT 500
        )
        """,
        tx.organization_id,
        before,
    )


async def delete_old_counts(tx: Tx, *, before: datetime) -> int:
    """Delete counts whose window is over; return how many rows, at most 500."""
    return await tx.execute(
        """
        DELETE FROM tenancy.mail_counts
        WHERE hash IN (SELECT hash FROM tenancy.mail_counts WHERE window_ends_at < $1 LIMIT 500)
        """,
        before,
    )


async def delete_mails(tx: Tx) -> int:
    """Delete all mails of an organisation that never came to be."""
    return await tx.execute("DELETE FROM tenancy.mails WHERE organization_id = $1", tx.organization_id)
