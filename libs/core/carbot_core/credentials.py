"""Secrets that are met before the organisation is known, and so carry it: keys, invitations, guest links.

The form is <prefix>_<organisation>_<id>_<secret>: two UUIDs as 32 hexadecimal digits, and 256 random bits in URL-safe
base64 (RFC 4648, section 5). Only the SHA-256 of the secret is stored: with that much entropy a fast hash is the right one.
"""

import hashlib
import hmac
import re
import secrets
from typing import Self
from uuid import UUID

import msgspec

_FORM = re.compile(
    r"(?P<prefix>[a-z]+(?:_[a-z]+)?)_(?P<organization>[0-9a-f]{32})_(?P<id>[0-9a-f]{32})_(?P<secret>[A-Za-z0-9_-]{43})"
)


class Credential(msgspec.Struct, frozen=True):
    """A secret with its organisation and its id."""

    prefix: str
    organization_id: UUID
    id: UUID
    secret: str

    @classmethod
    def mint(cls, prefix: str, organization_id: UUID, credential_id: UUID) -> Self:
        """Return a new credential with 256 random bits."""
        return cls(prefix, organization_id, credential_id, secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, text: str, prefix: str) -> Self | None:
        """Return the credential in the text, or None if it has another form or prefix."""
        match = _FORM.fullmatch(text)
        if match is None or match["prefix"] != prefix:
            return None
        return cls(prefix, UUID(match["organization"]), UUID(match["id"]), match["secret"])

    def __str__(self) -> str:
        return f"{self.prefix}_{self.organization_id.hex}_{self.id.hex}_{self.secret}"

    def hash(self) -> str:
        """Return what is stored of the secret: its SHA-256 in hexadecimal."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def proves(self, stored_hash: str) -> bool:
        """Tell in constant time whether the stored hash is this secret's."""
        return hmac.compare_digest(self.hash(), stored_hash)
