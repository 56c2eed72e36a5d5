"""Templates in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_crm.send_gate.models import Channel, Language, Purpose
from carbot_crm.templates.models import (
    MessageTemplate,
    NewMessageTemplate,
    NewTemplateVersion,
    TemplatePosition,
    TemplateVersion,
    VersionState,
    Wording,
)


async def list_templates(tx: Tx, *, after: TemplatePosition | None, limit: int) -> list[MessageTemplate]:
    """List templates, newest first."""
    return await tx.all(
        MessageTemplate,
        """
        SELECT id, name, purpose, channel, created_at
        FROM crm.message_templates
        WHERE organization_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
        ORDER BY created_at DESC, id DESC
        LIMIT $4
        """,
        tx.organization_id,
        after.created_at if after else None,
        after.id if after else None,
        limit,
    )


async def find_template(tx: Tx, template_id: UUID) -> MessageTemplate | None:
    return await tx.first(
        MessageTemplate,
        """
        SELECT id, name, purpose, channel, created_at
        FROM crm.message_templates
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        template_id,
    )


async def insert_template(tx: Tx, new: NewMessageTemplate, now: datetime) -> MessageTemplate:
    return await tx.one(
        MessageTemplate,
        """
        INSERT INTO crm.message_templates (organization_id, id, name, purpose, channel, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        RETURNING id, name, purpose, channel, created_at
        """,
        tx.organization_id,
        new_id(),
        new.name,
        new.purpose,
        new.channel,
        now,
    )


async def list_versions(
    tx: Tx, template_id: UUID, *, after: TemplatePosition | None, limit: int
) -> list[TemplateVersion]:
    """List the versions of a template, newest first."""
    return await tx.all(
        TemplateVersion,
        """
        SELECT id, template_id, language, state, subject, body, author_id, published_at, created_at, updated_at, revision
        FROM crm.template_versions
        WHERE organization_id = $1 AND template_id = $2
            AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
        ORDER BY created_at DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        template_id,
        after.created_at if after else None,
        after.id if after else None,
        limit,
    )


async def insert_version(tx: Tx, template_id: UUID, new: NewTemplateVersion, now: datetime) -> TemplateVersion | None:
    """Insert a draft of the caller, or return None if there is no such template."""
    return await tx.first(
        TemplateVersion,
        """
        INSERT INTO crm.template_versions
            (organization_id, id, template_id, language, subject, body, author_id, created_at, updated_at)
        SELECT t.organization_id, $2, t.id, $4, $5, $6, $7, $8, $8
        FROM crm.message_templates t
        WHERE t.organization_id = $1 AND t.id = $3
        RETURNING id, template_id, language, state, subject, body, author_id, published_at, created_at, updated_at, revision
        """,
        tx.organization_id,
        new_id(),
        template_id,
        new.language,
        new.subject,
        new.body,
        tx.context.user_id,
        now,
    )


async def find_version(tx: Tx, version_id: UUID) -> TemplateVersion | None:
    return await tx.first(
        TemplateVersion,
        """
        SELECT id, template_id, language, state, subject, body, author_id, published_at, created_at, updated_at, revision
        FROM crm.template_versions
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        version_id,
    )


async def retire_published(tx: Tx, version: TemplateVersion, now: datetime) -> None:
    """Retire the version that is published for the same template and language, if there is one."""
    await tx.execute(
        """
        UPDATE crm.template_versions
        SET state = 'retired', updated_at = $4, revision = revision + 1
        WHERE organization_id = $1 AND template_id = $2 AND language = $3 AND state = 'published'
        """,
        tx.organization_id,
        version.template_id,
        version.language,
        now,
    )


async def mark_version(tx: Tx, version: TemplateVersion, state: VersionState, now: datetime) -> TemplateVersion | None:
    """Bring a version from the state that it was read in to another, or return None if it has changed since."""
    return await tx.first(
        TemplateVersion,
        """
        UPDATE crm.template_versions
        SET state = $4, published_at = CASE WHEN $4 = 'published' THEN $5::timestamptz ELSE published_at END,
            updated_at = $5, revision = revision + 1
        WHERE organization_id = $1 AND id = $2 AND revision = $3
        RETURNING id, template_id, language, state, subject, body, author_id, published_at, created_at, updated_at, revision
        """,
        tx.organization_id,
        version.id,
        version.revision,
        state,
        now,
    )


async def find_wording(tx: Tx, purpose: Purpose, channel: Channel, language: Language) -> Wording | None:
    """Find what was last published for a purpose and channel, in the reader's language or else in German."""
    return await tx.first(
        Wording,
        """
        SELECT v.id AS version_id, v.language, v.subject, v.body, t.purpose
        FROM crm.message_templates t
        JOIN crm.template_versions v ON v.organization_id = t.organization_id AND v.template_id = t.id
        WHERE t.organization_id = $1 AND t.purpose = $2 AND t.channel = $3
            AND v.state = 'published' AND v.language IN ($4, 'de')
        ORDER BY v.language = $4 DESC, v.published_at DESC
        LIMIT 1
        """,
        tx.organization_id,
        purpose,
        channel,
        language,
    )
