"""Mails in SQL."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from carbot_core.db import Tx
from carbot_tenancy.mails.models import Mail


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


async def mark_mail(
    tx: Tx, mail_id: UUID, state: Literal["queued", "sent", "failed"], *, attempts: int, now: datetime
) -> None:
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


async def delete_mails(tx: Tx) -> int:
    """Delete all mails of an organisation that never came to be, or is erased."""
    return await tx.execute("DELETE FROM tenancy.mails WHERE organization_id = $1", tx.organization_id)
