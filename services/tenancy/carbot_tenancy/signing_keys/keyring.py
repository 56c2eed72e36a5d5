"""The signing keys as an api has them: read when first needed, and again every half minute."""

import asyncio
import base64
from datetime import datetime
from time import monotonic

from joserfc.jwk import OKPKey

from carbot_core.context import Context
from carbot_core.crypto import Vault
from carbot_core.db import Database
from carbot_core.errors import Unavailable
from carbot_tenancy.signing_keys import queries
from carbot_tenancy.signing_keys.actions import place_of
from carbot_tenancy.signing_keys.models import JsonWebKey, JsonWebKeySet, SigningKey

RELOAD_SECONDS = 30.0
PATIENCE_SECONDS = 0.5


class SigningKeyMissing(Unavailable):
    """The service has no key to sign with yet: try again."""


class KeyRing:
    """Signs access tokens with the youngest key whose time has come."""

    def __init__(self, database: Database, vault: Vault, issuer: str) -> None:
        self.issuer = issuer
        self._database = database
        self._vault = vault
        self._known: list[SigningKey] = []
        self._opened: dict[str, OKPKey] = {}
        self._read_at = float("-inf")
        self._reading: asyncio.Task[Unavailable | None] | None = None

    async def signing_key(self, now: datetime) -> OKPKey:
        """Return the key that signs now; raise SigningKeyMissing."""
        ready = (key for key in await self._published(now) if key.not_before <= now)
        youngest = next(ready, None)
        if youngest is None:
            raise SigningKeyMissing
        if youngest.kid not in self._opened:
            self._opened[youngest.kid] = self._open(youngest)
        return self._opened[youngest.kid]

    async def key_set(self, now: datetime) -> JsonWebKeySet:
        """Return the public halves of all keys that may have signed a living token, or will sign soon."""
        return JsonWebKeySet([JsonWebKey(kid=key.kid, x=key.public_key) for key in await self._published(now)])

    async def _published(self, now: datetime) -> list[SigningKey]:
        if not self._known or monotonic() - self._read_at > RELOAD_SECONDS:
            await self._read_again(now)
        return [key for key in self._known if key.retired_at is None or key.retired_at > now]

    async def _read_again(self, now: datetime) -> None:
        """Wait for one read that all share; but whoever waits for a database that stands still goes on with what is known."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(now))
        if self._known:
            await asyncio.wait({self._reading}, timeout=PATIENCE_SECONDS)
        elif refusal := await asyncio.shield(self._reading):
            raise refusal

    async def _read(self, now: datetime) -> Unavailable | None:
        try:
            async with self._database.transaction(Context(), read_only=True) as tx:
                self._known = await queries.list_signing_keys(tx, now)
        except Unavailable as refusal:
            return refusal
        self._read_at = monotonic()
        return None

    def _open(self, key: SigningKey) -> OKPKey:
        private = self._vault.decrypt(key.private_key, place_of(key.kid))
        encoded = base64.urlsafe_b64encode(private).decode().rstrip("=")
        return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "kid": key.kid, "x": key.public_key, "d": encoded})
