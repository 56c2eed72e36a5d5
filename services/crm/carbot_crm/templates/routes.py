"""Templates over HTTP."""

from uuid import UUID

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.errors import PreconditionFailed
from carbot_core.web.pages import InvalidCursor
from carbot_crm.send_gate.actions import CustomerNotFound
from carbot_crm.templates import actions, queries
from carbot_crm.templates.actions import (
    InvalidPlaceholder,
    NothingPublished,
    TemplateNotFound,
    TemplateVersionNotFound,
)
from carbot_crm.templates.models import (
    MessagePreview,
    MessageTemplate,
    NewMessageTemplate,
    NewTemplateVersion,
    TemplatePosition,
    TemplateVersion,
)

READ = [web.requires(scopes.COMMUNICATIONS_READ)]
WRITE = [web.requires(scopes.CONTENT_WRITE)]


@get("/", guards=READ, responses=web.problems(InvalidCursor))
async def list_templates(
    tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[MessageTemplate]:
    """List templates, newest first."""
    keyset = web.Keyset(
        TemplatePosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, "message_templates")
    )
    return keyset.page(await queries.list_templates(tx, after=keyset.after, limit=keyset.fetch))


@post("/", guards=WRITE)
async def create_template(data: JSONBody[NewMessageTemplate], tx: web.Tx, now: web.Now) -> MessageTemplate:
    """Make a template for a purpose and a channel; it has no wording yet."""
    return await queries.insert_template(tx, data, now)


@get("/{template_id:str}", guards=READ, responses=web.problems(TemplateNotFound))
async def read_template(template_id: FromPath[UUID], tx: web.Tx) -> MessageTemplate:
    """Read a template."""
    return await actions.read_template(tx, template_id)


@get("/{template_id:str}/versions", guards=READ, responses=web.problems(TemplateNotFound, InvalidCursor))
async def list_template_versions(
    template_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[TemplateVersion]:
    """List the versions of a template in all languages, newest first."""
    await actions.read_template(tx, template_id)
    keyset = web.Keyset(TemplatePosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, template_id))
    return keyset.page(await queries.list_versions(tx, template_id, after=keyset.after, limit=keyset.fetch))


@post("/{template_id:str}/versions", guards=WRITE, responses=web.problems(TemplateNotFound, InvalidPlaceholder))
async def create_template_version(
    template_id: FromPath[UUID], data: JSONBody[NewTemplateVersion], tx: web.Tx, now: web.Now
) -> TemplateVersion:
    """Write a draft in one language. A version never changes: write another one instead."""
    return await actions.write_version(tx, template_id, data, now)


@get("/{version_id:str}", guards=READ, responses=web.problems(TemplateVersionNotFound))
async def read_template_version(version_id: FromPath[UUID], tx: web.Tx) -> TemplateVersion:
    """Read a version."""
    return await actions.read_version(tx, version_id)


@post(
    "/{version_id:str}/publish",
    status_code=200,
    guards=WRITE,
    responses=web.problems(TemplateVersionNotFound, PreconditionFailed),
)
async def publish_template_version(
    version_id: FromPath[UUID], optional_revision: web.OptionalIfMatch, tx: web.Tx, now: web.Now
) -> TemplateVersion:
    """Let messages be made of this version; the one that was published before is retired."""
    return await actions.publish_version(tx, version_id, optional_revision, now)


@post(
    "/{version_id:str}/retire",
    status_code=200,
    guards=WRITE,
    responses=web.problems(TemplateVersionNotFound, PreconditionFailed, NothingPublished),
)
async def retire_template_version(
    version_id: FromPath[UUID], optional_revision: web.OptionalIfMatch, tx: web.Tx, now: web.Now
) -> TemplateVersion:
    """Let no more messages be made of this version: without another one nobody is reminded by itself."""
    return await actions.retire_version(tx, version_id, optional_revision, now)


@get(
    "/{version_id:str}/previews/{customer_id:str}",
    guards=READ,
    responses=web.problems(TemplateVersionNotFound, CustomerNotFound),
)
async def preview_template_version(
    version_id: FromPath[UUID], customer_id: FromPath[UUID], tx: web.Tx
) -> MessagePreview:
    """Read what a customer would read, with an example where no vehicle is at hand. Nothing is sent."""
    return await actions.preview(tx, version_id, customer_id)


TEMPLATES = Router(
    "/api/crm/v1/templates",
    route_handlers=[list_templates, create_template, read_template, list_template_versions, create_template_version],
)
TEMPLATE_VERSIONS = Router(
    "/api/crm/v1/template-versions",
    route_handlers=[
        read_template_version,
        publish_template_version,
        retire_template_version,
        preview_template_version,
    ],
)
