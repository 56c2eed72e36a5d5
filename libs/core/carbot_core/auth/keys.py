"""The issuer's public keys (RFC 7517), fetched rarely and kept."""

import asyncio
from time import monotonic
from typing import Annotated, Any, Literal, Protocol

import httpx
import msgspec
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from carbot_core.errors import Unavailable

log = structlog.get_logger()

REFRESH_SECONDS = 300.0
UNKNOWN_KEY_SECONDS = 30.0
"""An unknown kid makes us fetch at most once in so many seconds, however many tokens carry one and whatever comes of it."""


class KeysUnknown(Unavailable):
    """The keys of the issuer are not known yet: try again."""


class Keys(Protocol):
    """Where a verifier finds keys."""

    def __contains__(self, kid: str) -> bool: ...

    async def find(self, kid: str) -> OKPKey | None: ...


class PublicKey(msgspec.Struct, frozen=True):
    """An Ed25519 key (RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class KeySet(msgspec.Struct, frozen=True):
    """A JWKS; members that we do not know are allowed."""

    keys: list[Any]


class HttpKeys:
    """Keys from the issuer's JWKS address."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str, OKPKey] = {}
        self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()

    def __contains__(self, kid: str) -> bool:
        return kid in self._keys

    async def find(self, kid: str) -> OKPKey | None:
        """Return the key, or None if the issuer does not publish it; raise KeysUnknown while there are none at all."""
        if kid not in self._keys:
            async with self._fetching:
                if kid not in self._keys and monotonic() - self._tried_at > UNKNOWN_KEY_SECONDS:
                    await self.fetch()
        if not self._keys:
            raise KeysUnknown
        return self._keys.get(kid)

    async def run(self) -> None:
        """Fetch now and every five minutes, sooner while there is no key at all."""
        while True:
            async with self._fetching:
                await self.fetch()
            await asyncio.sleep(REFRESH_SECONDS if self._keys else 0.5)

    async def fetch(self) -> None:
        """Fetch once; keep the keys that we have if that fails."""
        self._tried_at = monotonic()
        try:
            async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
                answer = await client.get(self._url)
                answer.raise_for_status()
            found = read_key_set(answer.content)
        except (httpx.HTTPError, httpx.InvalidURL, msgspec.MsgspecError, ValueError, RecursionError) as error:
            log.warning("keys_not_fetched", reason=type(error).__name__)
            return
        if found:
            self._keys = found


def read_key_set(raw: bytes) -> dict[str, OKPKey]:
    """Return the Ed25519 keys of a JWKS by kid; others, also malformed ones, are passed over."""
    keys: dict[str, OKPKey] = {}
    for member in msgspec.json.decode(raw, type=KeySet).keys:
        try:
            key = msgspec.convert(member, PublicKey)
            keys[key.kid] = OKPKey.import_key({"kty": key.kty, "crv": key.crv, "x": key.x, "kid": key.kid})
        except (msgspec.ValidationError, JoseError, ValueError):
            continue
    return keys
