"""Keys that are derived from the service's key-encryption key: for hashes of addresses, and for links in mails."""

import base64
import hmac
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from carbot_core.credentials import Credential
from carbot_core.fields import normalize_email

UNSUBSCRIBE = "un"


class Keys:
    """Makes what only this service can make again."""

    def __init__(self, key_encryption_key: str) -> None:
        root = base64.b64decode(key_encryption_key)
        self._addresses = _derive(root, b"crm addresses")
        self._links = _derive(root, b"crm unsubscribe links")

    def hash_address(self, organization_id: UUID, channel: str, address: str) -> bytes:
        """Return what stands for an address where the address itself must not be kept; every organisation has another."""
        text = f"{organization_id} {channel} {normalize_email(address)}"
        return hmac.digest(self._addresses, text.encode(), "sha256")

    def unsubscribe_link(self, organization_id: UUID, communication_id: UUID) -> Credential:
        """Return the token of a message's link: always the same, so that a message that is sent twice has one."""
        text = f"{organization_id} {communication_id}"
        secret = base64.urlsafe_b64encode(hmac.digest(self._links, text.encode(), "sha256")).decode().rstrip("=")
        return Credential(UNSUBSCRIBE, organization_id, communication_id, secret)

    def read_unsubscribe_link(self, text: str) -> Credential | None:
        """Return the token if it is one of ours, else None."""
        shown = Credential.parse(text, UNSUBSCRIBE)
        if shown is None:
            return None
        own = self.unsubscribe_link(shown.organization_id, shown.id)
        return own if hmac.compare_digest(own.secret, shown.secret) else None


def _derive(root: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=purpose).derive(root)
