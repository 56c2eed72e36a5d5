"""Exchanging an API key for an access token (RFC 6749, section 4.4)."""

from datetime import datetime
from uuid import UUID

import msgspec

from carbot_core.auth import tokens
from carbot_core.context import Context
from carbot_core.credentials import Credential
from carbot_core.db import Database
from carbot_core.ids import new_id
from carbot_tenancy.api_keys.actions import PREFIXES
from carbot_tenancy.oauth import queries
from carbot_tenancy.oauth.errors import InvalidClient, InvalidScope, UnsupportedGrantType
from carbot_tenancy.oauth.models import AccessToken, Client, ExchangedKey, TokenRequest
from carbot_tenancy.sessions.actions import ACCESS, CLOSED
from carbot_tenancy.signing_keys.keyring import KeyRing

ROLE = "api_key"
"""What stands in a token where people have their role."""


async def issue_token(
    db: Database, keyring: KeyRing, asked: TokenRequest, client: Client, context: Context, *, now: datetime
) -> AccessToken:
    """Make an access token of a key; raise UnsupportedGrantType, InvalidClient or InvalidScope."""
    if asked.grant_type != "client_credentials":
        raise UnsupportedGrantType
    credential = Credential.parse(client.secret, PREFIXES["secret"])
    if credential is None or client.id not in {"", str(credential.id)}:
        raise InvalidClient(reason="form")
    signing_key = await keyring.signing_key(now)
    context = msgspec.structs.replace(
        context, organization_id=credential.organization_id, actor="api_key", actor_id=credential.id
    )
    async with db.transaction(context) as tx:
        key = await queries.lock_key(tx, credential.id)
        if key is None or not credential.proves(key.secret_hash) or not _is_good(key, now):
            raise InvalidClient(reason="unknown, expired, revoked or closed")
        claims = _claims(key, credential.organization_id, _scopes(key, asked.scope), keyring.issuer, now)
        await queries.mark_used(tx, key.id, now)
    return AccessToken(
        access_token=tokens.sign(claims, signing_key),
        expires_in=int((_ends_at(key, now) - now).total_seconds()),
        scope=" ".join(claims.scopes),
    )


def _is_good(key: ExchangedKey, now: datetime) -> bool:
    expired = key.expires_at is not None and key.expires_at <= now
    return key.kind == "secret" and key.revoked_at is None and not expired and key.organization_status not in CLOSED


def _scopes(key: ExchangedKey, asked: str | None) -> list[str]:
    if asked is None:
        return sorted(key.scopes)
    wanted = set(asked.split(" "))
    if not wanted <= set(key.scopes):
        raise InvalidScope
    return sorted(wanted)


def _ends_at(key: ExchangedKey, now: datetime) -> datetime:
    return now + ACCESS if key.expires_at is None else min(now + ACCESS, key.expires_at)


def _claims(key: ExchangedKey, organization_id: UUID, scopes: list[str], issuer: str, now: datetime) -> tokens.Claims:
    """Return the claims; times are cut to milliseconds, `iat` so that it is never later than the key was read."""
    return tokens.Claims(
        iss=issuer,
        aud=tokens.AUDIENCE,
        sub=key.id,
        org=organization_id,
        role=ROLE,
        workshops=None if key.workshop_id is None else [key.workshop_id],
        scopes=scopes,
        jti=new_id(),
        iat=int(now.timestamp() * 1000) / 1000,
        exp=int(_ends_at(key, now).timestamp() * 1000) / 1000,
        kind="api_key",
    )
