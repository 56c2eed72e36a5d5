"""API keys over HTTP."""

from uuid import UUID

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.errors import PreconditionFailed
from carbot_core.web.pages import InvalidCursor
from carbot_tenancy.api_keys import actions, queries
from carbot_tenancy.api_keys.actions import ApiKeyEnded, ApiKeyNotFound, InvalidApiKey, KeyTooWide
from carbot_tenancy.api_keys.models import ApiKey, ApiKeyPosition, MintedApiKey, NewApiKey, Rotation
from carbot_tenancy.workshops.actions import WorkshopNotFound

WRITE = [web.requires(scopes.API_KEYS_WRITE, max_age=web.RECENT)]


@get("/", guards=[web.requires(scopes.API_KEYS_READ)], responses=web.problems(InvalidCursor))
async def list_api_keys(
    tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[ApiKey]:
    """List the keys that you see, newest first; never their secrets."""
    keyset = web.Keyset(ApiKeyPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, "api_keys"))
    after = keyset.after.id if keyset.after else None
    return keyset.page(await queries.list_api_keys(tx, after=after, limit=keyset.fetch))


@post("/", guards=WRITE, responses=web.problems(InvalidApiKey, KeyTooWide, WorkshopNotFound))
async def create_api_key(data: JSONBody[NewApiKey], tx: web.Tx, caller: web.Caller, now: web.Now) -> MintedApiKey:
    """Make a key. Its secret is in this answer and nowhere else."""
    return await actions.create_api_key(tx, caller, data, now)


@get("/{key_id:str}", guards=[web.requires(scopes.API_KEYS_READ)], responses=web.problems(ApiKeyNotFound))
async def read_api_key(key_id: FromPath[UUID], tx: web.Tx) -> ApiKey:
    """Read a key, without its secret."""
    return await actions.read_api_key(tx, key_id)


@post(
    "/{key_id:str}/rotate",
    guards=WRITE,
    responses=web.problems(ApiKeyNotFound, PreconditionFailed, ApiKeyEnded, KeyTooWide, InvalidApiKey),
)
async def rotate_api_key(
    key_id: FromPath[UUID],
    data: JSONBody[Rotation],
    optional_revision: web.OptionalIfMatch,
    tx: web.Tx,
    caller: web.Caller,
    now: web.Now,
) -> MintedApiKey:
    """Make a key's successor, with the same reach. Its secret is in this answer and nowhere else; the old key goes on for a while."""
    return await actions.rotate_api_key(tx, caller, key_id, data, revision=optional_revision, now=now)


@post(
    "/{key_id:str}/revoke",
    status_code=200,
    guards=WRITE,
    responses=web.problems(ApiKeyNotFound, PreconditionFailed),
)
async def revoke_api_key(
    key_id: FromPath[UUID], optional_revision: web.OptionalIfMatch, tx: web.Tx, now: web.Now
) -> ApiKey:
    """Revoke a key: within 3 seconds it is refused everywhere."""
    return await actions.revoke_api_key(tx, key_id, optional_revision, now)


API_KEYS = Router(
    "/api/tenancy/v1/api-keys",
    route_handlers=[list_api_keys, create_api_key, read_api_key, rotate_api_key, revoke_api_key],
)
