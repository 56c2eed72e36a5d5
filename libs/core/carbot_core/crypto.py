"""Encryption at rest (AES-256-GCM under a key-encryption key) and sealing to a reader (HPKE, RFC 9180)."""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

_NONCE = 12
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class Unreadable(Exception):
    """The bytes were changed, moved elsewhere, or encrypted under another key."""


class Vault:
    """Encrypts with one 256-bit key; `place` (table, column, row) is bound in, so that a moved ciphertext does not open."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    @classmethod
    def from_base64(cls, key: str) -> "Vault":
        return cls(base64.b64decode(key))

    def encrypt(self, plain: bytes, place: str) -> bytes:
        """Return nonce and ciphertext."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, place.encode())

    def decrypt(self, sealed: bytes, place: str) -> bytes:
        """Return the plain bytes; raise Unreadable if they are not what was encrypted there."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], place.encode())
        except (InvalidTag, ValueError):
            raise Unreadable from None


class Sealer:
    """Seals to the newest of the public keys in `kid:base64,kid:base64`; nobody but the reader opens it again."""

    def __init__(self, public_keys: str) -> None:
        newest = public_keys.rpartition(",")[2]
        self.key_id, _, encoded = newest.partition(":")
        self._key = X25519PublicKey.from_public_bytes(base64.b64decode(encoded))

    def seal(self, plain: bytes, label: str) -> bytes:
        return _SUITE.encrypt(plain, self._key, info=label.encode())


class Opener:
    """Opens what was sealed to one of the private keys in `kid:base64,kid:base64`."""

    def __init__(self, private_keys: str) -> None:
        self._keys = {
            key_id: X25519PrivateKey.from_private_bytes(base64.b64decode(encoded))
            for key_id, _, encoded in (part.partition(":") for part in private_keys.split(","))
        }

    def open(self, sealed: bytes, key_id: str, label: str) -> bytes:
        """Return the plain bytes; raise Unreadable if the key is unknown or the bytes were changed."""
        try:
            return _SUITE.decrypt(sealed, self._keys[key_id], info=label.encode())
        except (KeyError, InvalidTag, ValueError) as error:
            raise Unreadable from error
