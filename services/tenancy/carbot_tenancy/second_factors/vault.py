"""Authenticators' secrets at rest."""

from uuid import UUID

from carbot_core.crypto import Vault


def seal_secret(vault: Vault, factor_id: UUID, secret: str) -> bytes:
    """Encrypt a secret, bound to its row."""
    return vault.encrypt(secret.encode(), _place(factor_id))


def open_secret(vault: Vault, factor_id: UUID, sealed: bytes) -> str:
    """Return the secret; raise Unreadable."""
    return vault.decrypt(sealed, _place(factor_id)).decode()


def _place(factor_id: UUID) -> str:
    return f"tenancy.second_factors/{factor_id}"
