"""The key set over HTTP."""

from litestar import get

from carbot_core import web
from carbot_tenancy.dependencies import PROVIDERS, KeyRing
from carbot_tenancy.signing_keys.models import JsonWebKeySet


@get("/.well-known/jwks.json", dependencies=PROVIDERS)
async def read_key_set(keyring: KeyRing, now: web.Now) -> JsonWebKeySet:
    """Read the keys that access tokens are signed with."""
    return await keyring.key_set(now)
