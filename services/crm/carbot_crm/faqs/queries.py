"""Questions in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_crm.chat.models import Language
from carbot_crm.faqs.models import Faq, FaqPosition, NewFaq, PublishedFaq


async def insert_faq(tx: Tx, new: NewFaq, now: datetime) -> Faq | None:
    """Insert a question, or return None if the caller sees no such workshop."""
    return await tx.first(
        Faq,
        """
        INSERT INTO crm.faqs
            (organization_id, id, workshop_id, language, question, answer, place, is_published, created_at, updated_at)
        SELECT w.organization_id, $2, w.id, $4, $5, $6, $7, $8, $9, $9
        FROM crm.workshops w
        WHERE w.organization_id = $1 AND w.id = $3
        RETURNING id, workshop_id, language, question, answer, place, is_published, created_at, updated_at, revision
        """,
        tx.organization_id,
        new_id(),
        new.workshop_id,
        new.language,
        new.question,
        new.answer,
        new.place,
        new.is_published,
        now,
    )


async def list_faqs(tx: Tx, *, workshop_id: UUID | None, after: FaqPosition | None, limit: int) -> list[Faq]:
    """List questions in their order."""
    return await tx.all(
        Faq,
        """
        SELECT id, workshop_id, language, question, answer, place, is_published, created_at, updated_at, revision
        FROM crm.faqs
        WHERE organization_id = $1
            AND ($2::uuid IS NULL OR workshop_id = $2)
            AND ($3::smallint IS NULL OR (place, id) > ($3, $4::uuid))
        ORDER BY place, id
        LIMIT $5
        """,
        tx.organization_id,
        workshop_id,
        after.place if after else None,
        after.id if after else None,
        limit,
    )


async def find_faq(tx: Tx, faq_id: UUID) -> Faq | None:
    return await tx.first(
        Faq,
        """
        SELECT id, workshop_id, language, question, answer, place, is_published, created_at, updated_at, revision
        FROM crm.faqs
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        faq_id,
    )


async def lock_faq(tx: Tx, faq_id: UUID) -> Faq | None:
    """Find a question and keep others from changing it until the transaction ends."""
    return await tx.first(
        Faq,
        """
        SELECT id, workshop_id, language, question, answer, place, is_published, created_at, updated_at, revision
        FROM crm.faqs
        WHERE organization_id = $1 AND id = $2
        FOR UPDATE
        """,
        tx.organization_id,
        faq_id,
    )


async def update_faq(tx: Tx, faq: Faq, now: datetime) -> Faq:
    """Store a question that was locked."""
    return await tx.one(
        Faq,
        """
        UPDATE crm.faqs
        SET language = $3, question = $4, answer = $5, place = $6, is_published = $7, updated_at = $8,
            revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, workshop_id, language, question, answer, place, is_published, created_at, updated_at, revision
        """,
        tx.organization_id,
        faq.id,
        faq.language,
        faq.question,
        faq.answer,
        faq.place,
        faq.is_published,
        now,
    )


async def delete_faq(tx: Tx, faq_id: UUID) -> None:
    await tx.execute("DELETE FROM crm.faqs WHERE organization_id = $1 AND id = $2", tx.organization_id, faq_id)


async def list_published(tx: Tx, workshop_id: UUID, language: Language) -> list[PublishedFaq]:
    """List what visitors of a workshop's page see, in its order, at most 200."""
    return await tx.all(
        PublishedFaq,
        """
        SELECT id, question, answer
        FROM crm.faqs
        WHERE organization_id = $1 AND workshop_id = $2 AND language = $3 AND is_published
        ORDER BY place, id
        LIMIT 200
        """,
        tx.organization_id,
        workshop_id,
        language,
    )
