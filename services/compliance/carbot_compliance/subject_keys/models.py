"""What a subject's key is."""

from typing import Literal
from uuid import UUID

import msgspec

from carbot_core.crypto import Vault

KeyClass = Literal["audit"]
"""What a key is for; each class of a subject's data has a key of its own, to be destroyed when that class is erased."""


class SubjectKey(msgspec.Struct, frozen=True):
    """A key as it is stored: wrapped, or None once it is destroyed."""

    id: UUID
    subject_id: UUID
    wrapped_key: bytes | None


class OpenKey(msgspec.Struct, frozen=True):
    """A key to encrypt and decrypt with; vault is None once it is destroyed."""

    id: UUID
    vault: Vault | None
