"""Landing pages in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_crm.chat.models import Language
from carbot_crm.landing_pages.models import LandingPage, LandingPagePosition, NewLandingPage, PublishedPage


async def find_workshop(tx: Tx, workshop_id: UUID) -> UUID | None:
    """Find a workshop that the caller sees."""
    return await tx.value(
        UUID, "SELECT id FROM crm.workshops WHERE organization_id = $1 AND id = $2", tx.organization_id, workshop_id
    )


async def insert_landing_page(tx: Tx, new: NewLandingPage, now: datetime) -> LandingPage | None:
    """Insert a page, or return None if the caller sees no such workshop or it has a page there."""
    return await tx.first(
        LandingPage,
        """
        INSERT INTO crm.landing_pages
            (organization_id, id, workshop_id, slug, language, title, introduction, services, is_published, created_at,
            updated_at)
        SELECT w.organization_id, $2, w.id, $4, $5, $6, $7, $8, $9, $10, $10
        FROM crm.workshops w
        WHERE w.organization_id = $1 AND w.id = $3
        ON CONFLICT (organization_id, workshop_id, slug, language) DO NOTHING
        RETURNING id, workshop_id, slug, language, title, introduction, services, is_published, created_at, updated_at,
            revision
        """,
        tx.organization_id,
        new_id(),
        new.workshop_id,
        new.slug,
        new.language,
        new.title,
        new.introduction,
        new.services,
        new.is_published,
        now,
    )


async def list_landing_pages(
    tx: Tx, *, workshop_id: UUID | None, after: LandingPagePosition | None, limit: int
) -> list[LandingPage]:
    """List pages, newest first."""
    return await tx.all(
        LandingPage,
        """
        SELECT id, workshop_id, slug, language, title, introduction, services, is_published, created_at, updated_at,
            revision
        FROM crm.landing_pages
        WHERE organization_id = $1
            AND ($2::uuid IS NULL OR workshop_id = $2)
            AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
        ORDER BY created_at DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        workshop_id,
        after.created_at if after else None,
        after.id if after else None,
        limit,
    )


async def find_landing_page(tx: Tx, page_id: UUID) -> LandingPage | None:
    return await tx.first(
        LandingPage,
        """
        SELECT id, workshop_id, slug, language, title, introduction, services, is_published, created_at, updated_at,
            revision
        FROM crm.landing_pages
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        page_id,
    )


async def lock_landing_page(tx: Tx, page_id: UUID) -> LandingPage | None:
    """Find a page and keep others from changing it until the transaction ends."""
    return await tx.first(
        LandingPage,
        """
        SELECT id, workshop_id, slug, language, title, introduction, services, is_published, created_at, updated_at,
            revision
        FROM crm.landing_pages
        WHERE organization_id = $1 AND id = $2
        FOR UPDATE
        """,
        tx.organization_id,
        page_id,
    )


async def update_landing_page(tx: Tx, page: LandingPage, now: datetime) -> LandingPage | None:
    """Store a page that was locked, or return None if the workshop has another one there."""
    return await tx.first(
        LandingPage,
        """
        UPDATE crm.landing_pages
        SET slug = $3, language = $4, title = $5, introduction = $6, services = $7, is_published = $8, updated_at = $9,
            revision = revision + 1
        WHERE organization_id = $1 AND id = $2
            AND NOT EXISTS (
                SELECT
                FROM crm.landing_pages other
                WHERE other.organization_id = $1 AND other.workshop_id = landing_pages.workshop_id AND other.slug = $3
                    AND other.language = $4 AND other.id <> $2
            )
        RETURNING id, workshop_id, slug, language, title, introduction, services, is_published, created_at, updated_at,
            revision
        """,
        tx.organization_id,
        page.id,
        page.slug,
        page.language,
        page.title,
        page.introduction,
        page.services,
        page.is_published,
        now,
    )


async def delete_landing_page(tx: Tx, page_id: UUID) -> None:
    await tx.execute(
        "DELETE FROM crm.landing_pages WHERE organization_id = $1 AND id = $2", tx.organization_id, page_id
    )


async def find_published(tx: Tx, workshop_id: UUID, slug: str, language: Language) -> PublishedPage | None:
    """Find what visitors of a workshop's page see."""
    return await tx.first(
        PublishedPage,
        """
        SELECT slug, language, title, introduction, services
        FROM crm.landing_pages
        WHERE organization_id = $1 AND workshop_id = $2 AND slug = $3 AND language = $4 AND is_published
        """,
        tx.organization_id,
        workshop_id,
        slug,
        language,
    )
