"""Refresh tokens: secrets that name their session, and that show whether they were ever made for it.

Half of the secret is random, half is a tag of it under the family's key. So a token that was replaced long ago is known for
what it is, without a list of all that ever were, and a forged one ends nobody's session.
"""

import base64
import hmac
import secrets
from uuid import UUID

from carbot_core.credentials import Credential
from carbot_core.crypto import Vault

PREFIX = "rt"
_NONCE_BYTES = 16
_TAG_BYTES = 16


def mint(organization_id: UUID, session_id: UUID, family_key: bytes) -> Credential:
    """Return a new token of the family, 128 random bits and their tag."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    secret = base64.urlsafe_b64encode(nonce + _tag(family_key, nonce)).decode().rstrip("=")
    return Credential(PREFIX, organization_id, session_id, secret)


def is_of_family(token: Credential, family_key: bytes) -> bool:
    """Tell in constant time whether the token was made for the family, now or long ago."""
    raw = base64.urlsafe_b64decode(token.secret + "=")
    return hmac.compare_digest(raw[_NONCE_BYTES:], _tag(family_key, raw[:_NONCE_BYTES]))


def seal_successor(presented: Credential, successor: Credential) -> bytes:
    """Encrypt a token so that only whoever has its predecessor can read it."""
    return _vault(presented).encrypt(successor.secret.encode(), _place(presented))


def open_successor(presented: Credential, sealed: bytes) -> Credential:
    """Return the token that came after the presented one; raise Unreadable."""
    secret = _vault(presented).decrypt(sealed, _place(presented)).decode()
    return Credential(PREFIX, presented.organization_id, presented.id, secret)


def _tag(family_key: bytes, nonce: bytes) -> bytes:
    return hmac.digest(family_key, nonce, "sha256")[:_TAG_BYTES]


def _vault(token: Credential) -> Vault:
    return Vault(hmac.digest(b"carbot refresh successor", token.secret.encode(), "sha256"))


def _place(token: Credential) -> str:
    return f"tenancy.sessions/{token.id}"
