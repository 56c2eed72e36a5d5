"""Writing, publishing and retiring wordings."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from carbot_core.db import Tx
from carbot_core.errors import Conflict, FieldError, Invalid, NotFound, PreconditionFailed
from carbot_crm.send_gate import actions as send_gate
from carbot_crm.send_gate.models import ADVERTISING
from carbot_crm.templates import letters, queries
from carbot_crm.templates.models import (
    PLACEHOLDERS,
    MessagePreview,
    MessageTemplate,
    NewTemplateVersion,
    TemplateVersion,
    VersionState,
)

EXAMPLE: Final[Mapping[str, str]] = {"plate": "B-CB 1234", "vehicle": "VW Golf", "due": "03/2027"}
"""What a preview fills in where no vehicle is at hand."""
EXAMPLE_LINK: Final = "https://example.org/unsubscribe"


class TemplateNotFound(NotFound):
    """There is no such template."""


class TemplateVersionNotFound(NotFound):
    """There is no such template version."""


class InvalidPlaceholder(Invalid):
    """The wording leaves something open that nothing is filled in for: see placeholders; write $$ for a dollar sign."""


class NothingPublished(Conflict):
    """Only a version that is published can be retired."""


async def read_template(tx: Tx, template_id: UUID) -> MessageTemplate:
    """Return a template; raise TemplateNotFound."""
    template = await queries.find_template(tx, template_id)
    if template is None:
        raise TemplateNotFound(template=template_id)
    return template


async def write_version(tx: Tx, template_id: UUID, new: NewTemplateVersion, now: datetime) -> TemplateVersion:
    """Store a draft; raise InvalidPlaceholder or TemplateNotFound."""
    for pointer, text in (("/subject", new.subject), ("/body", new.body)):
        if letters.unknown_placeholders(text) != set():
            raise InvalidPlaceholder(
                errors=(FieldError(pointer, InvalidPlaceholder.sentence()),),
                public={"placeholders": sorted(PLACEHOLDERS)},
            )
    version = await queries.insert_version(tx, template_id, new, now)
    if version is None:
        raise TemplateNotFound(template=template_id)
    return version


async def publish_version(tx: Tx, version_id: UUID, revision: int | None, now: datetime) -> TemplateVersion:
    """Let messages be made of a version, in place of the one before; raise TemplateVersionNotFound, PreconditionFailed."""
    version = await read_version(tx, version_id, revision)
    if version.state == "published":
        return version
    await queries.retire_published(tx, version, now)
    return await _mark(tx, version, "published", now)


async def retire_version(tx: Tx, version_id: UUID, revision: int | None, now: datetime) -> TemplateVersion:
    """Let no more messages be made of a version; raise TemplateVersionNotFound, PreconditionFailed, NothingPublished."""
    version = await read_version(tx, version_id, revision)
    if version.state != "published":
        raise NothingPublished(version=version_id)
    return await _mark(tx, version, "retired", now)


async def preview(tx: Tx, version_id: UUID, customer_id: UUID) -> MessagePreview:
    """Return what a customer would read; raise TemplateVersionNotFound, CustomerNotFound."""
    version = await read_version(tx, version_id)
    template = await read_template(tx, version.template_id)
    recipient = await send_gate.find_recipient(tx, customer_id)
    letter = letters.write_letter(
        version.id,
        to="",
        subject=letters.fill_subject(version.subject, recipient, EXAMPLE),
        body=letters.fill(version.body, recipient, EXAMPLE),
        language=version.language,
        sender=recipient.organization_name,
        unsubscribe=EXAMPLE_LINK if template.purpose in ADVERTISING else None,
    )
    return MessagePreview(letter.subject, letter.text, letter.html)


async def read_version(tx: Tx, version_id: UUID, revision: int | None = None) -> TemplateVersion:
    """Return a version as the caller last saw it; raise TemplateVersionNotFound, PreconditionFailed."""
    version = await queries.find_version(tx, version_id)
    if version is None:
        raise TemplateVersionNotFound(version=version_id)
    if revision is not None and revision != version.revision:
        raise PreconditionFailed(version=version_id)
    return version


async def _mark(tx: Tx, version: TemplateVersion, state: VersionState, now: datetime) -> TemplateVersion:
    marked = await queries.mark_version(tx, version, state, now)
    if marked is None:
        raise PreconditionFailed(version=version.id)
    return marked
