"""Canned answers in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_crm.canned_answers.models import CannedAnswer, NewCannedAnswer


async def insert_canned_answer(tx: Tx, new: NewCannedAnswer, now: datetime) -> CannedAnswer | None:
    """Insert an answer, or return None if the caller sees no such workshop."""
    return await tx.first(
        CannedAnswer,
        """
        INSERT INTO crm.canned_answers
            (organization_id, id, workshop_id, language, title, text, created_at, updated_at)
        SELECT w.organization_id, $2, w.id, $4, $5, $6, $7, $7
        FROM crm.workshops w
        WHERE w.organization_id = $1 AND w.id = $3
        RETURNING id, workshop_id, language, title, text, created_at, updated_at, revision
        """,
        tx.organization_id,
        new_id(),
        new.workshop_id,
        new.language,
        new.title,
        new.text,
        now,
    )


async def list_canned_answers(
    tx: Tx, *, workshop_id: UUID | None, after: UUID | None, limit: int
) -> list[CannedAnswer]:
    """List answers, oldest first."""
    return await tx.all(
        CannedAnswer,
        """
        SELECT id, workshop_id, language, title, text, created_at, updated_at, revision
        FROM crm.canned_answers
        WHERE organization_id = $1 AND ($2::uuid IS NULL OR workshop_id = $2) AND ($3::uuid IS NULL OR id > $3)
        ORDER BY id
        LIMIT $4
        """,
        tx.organization_id,
        workshop_id,
        after,
        limit,
    )


async def find_canned_answer(tx: Tx, answer_id: UUID) -> CannedAnswer | None:
    return await tx.first(
        CannedAnswer,
        """
        SELECT id, workshop_id, language, title, text, created_at, updated_at, revision
        FROM crm.canned_answers
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        answer_id,
    )


async def lock_canned_answer(tx: Tx, answer_id: UUID) -> CannedAnswer | None:
    """Find an answer and keep others from changing it until the transaction ends."""
    return await tx.first(
        CannedAnswer,
        """
        SELECT id, workshop_id, language, title, text, created_at, updated_at, revision
        FROM crm.canned_answers
        WHERE organization_id = $1 AND id = $2
        FOR UPDATE
        """,
        tx.organization_id,
        answer_id,
    )


async def update_canned_answer(tx: Tx, answer: CannedAnswer, now: datetime) -> CannedAnswer:
    """Store an answer that was locked."""
    return await tx.one(
        CannedAnswer,
        """
        UPDATE crm.canned_answers
        SET language = $3, title = $4, text = $5, updated_at = $6, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, workshop_id, language, title, text, created_at, updated_at, revision
        """,
        tx.organization_id,
        answer.id,
        answer.language,
        answer.title,
        answer.text,
        now,
    )


async def delete_canned_answer(tx: Tx, answer_id: UUID) -> None:
    await tx.execute(
        "DELETE FROM crm.canned_answers WHERE organization_id = $1 AND id = $2", tx.organization_id, answer_id
    )
