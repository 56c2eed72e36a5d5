"""Secrets of webhooks, and what is signed with them."""

import hmac
import secrets
from uuid import UUID

from carbot_core.crypto import Vault

_PREFIX = "whsec_"


def new_secret() -> str:
    """Return a secret with 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def seal_secret(vault: Vault, webhook_id: UUID, secret: str) -> bytes:
    """Encrypt a secret, bound to its row."""
    return vault.encrypt(secret.encode(), _place(webhook_id))


def open_secret(vault: Vault, webhook_id: UUID, sealed: bytes) -> str:
    """Return the secret; raise Unreadable."""
    return vault.decrypt(sealed, _place(webhook_id)).decode()


def sign(body: bytes, valid: list[str], *, timestamp: int) -> str:
    """Return the header X-CarBot-Signature: the time in seconds, and for each valid secret HMAC-SHA256 over `<time>.<body>`."""
    signed = f"{timestamp}.".encode() + body
    return ",".join([f"t={timestamp}", *(f"v1={hmac.digest(each.encode(), signed, 'sha256').hex()}" for each in valid)])


def _place(webhook_id: UUID) -> str:
    return f"crm.webhooks/{webhook_id}"
