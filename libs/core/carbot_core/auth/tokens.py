"""Access tokens: JWT signed with Ed25519 (RFC 8725, RFC 9068), verified by every service itself."""

import base64
import hashlib
import json
import re
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey
from joserfc.jws import JWSRegistry

from carbot_core.auth.keys import Keys
from carbot_core.auth.principal import Principal
from carbot_core.clock import Clock
from carbot_core.errors import Unauthorized

AUDIENCE = "carbot"
TYPE = "at+jwt"
ALGORITHM = "EdDSA"
"""RFC 9864 prefers the name Ed25519; Envoy 1.40 refuses it."""
LIFETIME_SECONDS = 600
LEEWAY_SECONDS = 30
LONGEST_TOKEN = 8192

_REGISTRY = JWSRegistry(algorithms=[ALGORITHM])
_CACHE_SIZE = 10_000
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}")

_Time = Annotated[float, msgspec.Meta(ge=0, le=4_102_444_800)]


class InvalidToken(Unauthorized):
    """The access token is not valid, has expired or was revoked: sign in again."""


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly this header, so that no jku, jwk, x5u, crit or zip is ever met."""

    alg: Literal["EdDSA"]
    kid: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    typ: Literal["at+jwt"]


class Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Exactly these claims. Times are seconds since 1970; iat has milliseconds, for revocations compare with it."""

    iss: str
    aud: Literal["carbot"]
    sub: UUID
    org: UUID
    role: Annotated[str, msgspec.Meta(max_length=40)]
    workshops: list[UUID] | None = None
    scopes: list[str]
    sid: UUID | None = None
    jti: UUID
    iat: _Time
    exp: _Time
    auth_time: _Time | None = None
    """When the user last showed the credentials (OpenID Connect Core, section 2); an API key never does."""
    kind: Literal["user", "api_key"] = "user"


def sign(claims: Claims, key: OKPKey) -> str:
    """Return the compact form of a token; `key.kid` names the key."""
    header = {"alg": ALGORITHM, "kid": key.kid, "typ": TYPE}
    return jwt.encode(header, msgspec.to_builtins(claims), key, registry=_REGISTRY)


class Verifier:
    """Turns a token into a principal; a token that was verified is remembered by its hash until it expires."""

    def __init__(self, keys: Keys, issuer: str, clock: Clock) -> None:
        self._keys = keys
        self._issuer = issuer
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[str, Principal]] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """Return whom the token names; raise InvalidToken."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is None or known[0] not in self._keys:
            known = await self._read(token)
            self._known[digest] = known
            if len(self._known) > _CACHE_SIZE:
                self._known.popitem(last=False)
        principal = known[1]
        now = self._clock()
        if now >= principal.expires_at or (principal.issued_at - now).total_seconds() > LEEWAY_SECONDS:
            raise InvalidToken(reason="outside its time")
        return principal

    async def _read(self, token: str) -> tuple[str, Principal]:
        if len(token) > LONGEST_TOKEN or not _COMPACT.fullmatch(token):
            raise InvalidToken(reason="form")
        header = _decode_part(token.partition(".")[0], Header)
        key = await self._keys.find(header.kid)
        if key is None:
            raise InvalidToken(reason="unknown key")
        try:
            jwt.decode(token, KeySet([key]), registry=_REGISTRY)
        except (JoseError, ValueError, RecursionError) as error:
            raise InvalidToken(reason="signature") from error
        claims = _decode_part(token.split(".")[1], Claims)
        if claims.iss != self._issuer:
            raise InvalidToken(reason="issuer")
        if not claims.iat < claims.exp <= claims.iat + LIFETIME_SECONDS + 1:
            raise InvalidToken(reason="lifetime")
        return header.kid, Principal(
            kind=claims.kind,
            id=claims.sub,
            organization_id=claims.org,
            role=claims.role,
            scopes=frozenset(claims.scopes),
            workshops=None if claims.workshops is None else frozenset(claims.workshops),
            session_id=claims.sid,
            issued_at=datetime.fromtimestamp(claims.iat, UTC),
            expires_at=datetime.fromtimestamp(claims.exp, UTC),
            authenticated_at=None if claims.auth_time is None else datetime.fromtimestamp(claims.auth_time, UTC),
        )


def _decode_part[T](part: str, kind: type[T]) -> T:
    """Decode strictly: an unknown or repeated member, or a value of another type, is refused (msgspec alone keeps the last of repeated ones)."""

    def once(members: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in members}) != len(members):
            raise ValueError("a member is repeated")
        return dict(members)

    try:
        # As text: of bytes, json would guess the encoding, and take UTF-16 or a byte order mark (RFC 7519 knows only UTF-8).
        text = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()
        return msgspec.convert(json.loads(text, object_pairs_hook=once), kind)
    except (ValueError, msgspec.ValidationError, RecursionError) as error:
        raise InvalidToken(reason="content") from error
