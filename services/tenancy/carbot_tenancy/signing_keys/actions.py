"""Making and rotating signing keys."""

import base64
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from carbot_core.auth.tokens import LIFETIME_SECONDS
from carbot_core.crypto import Vault
from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_tenancy.signing_keys import queries
from carbot_tenancy.signing_keys.models import SigningKey

PUBLISHED_AHEAD = timedelta(minutes=10)
"""Longer than anybody keeps a key set: the gateway one minute, the services five."""
RETIRED_AFTER = timedelta(seconds=LIFETIME_SECONDS) + timedelta(minutes=5)
"""How long a key is published after it last signed: a token's life, and what a process needs to see the younger key."""

OLDEST = timedelta(days=30)
"""A key that is older gets a successor."""


def place_of(kid: str) -> str:
    """Return where a private key belongs, bound into its ciphertext."""
    return f"tenancy.signing_keys/{kid}"


async def rotate(
    tx: Tx, vault: Vault, now: datetime, *, force: bool, ahead: timedelta = PUBLISHED_AHEAD
) -> SigningKey | None:
    """Make the first key, in use at once, or, if forced, one more, in use when everybody has it; else return None."""
    known = await queries.lock_signing_keys(tx) is not None
    if known and not force:
        return None
    not_before = now + ahead if known else now
    await queries.update_retirement(tx, not_before + RETIRED_AFTER)
    key = make_key(vault, not_before)
    await queries.insert_signing_key(tx, key, now)
    return key


async def rotate_old(tx: Tx, vault: Vault, now: datetime) -> SigningKey | None:
    """Make the first key, or one more if the youngest is old; else return None."""
    youngest = await queries.lock_signing_keys(tx)
    return await rotate(tx, vault, now, force=youngest is not None and now - youngest > OLDEST)


def make_key(vault: Vault, not_before: datetime) -> SigningKey:
    kid, private = str(new_id()), Ed25519PrivateKey.generate()
    return SigningKey(
        kid=kid,
        public_key=_encode(private.public_key().public_bytes_raw()),
        private_key=vault.encrypt(private.private_bytes_raw(), place_of(kid)),
        not_before=not_before,
        retired_at=None,
    )


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
