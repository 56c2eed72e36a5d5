"""Signing keys, as stored and as published."""

from datetime import datetime
from typing import Literal

import msgspec


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key pair in its row; the private key is encrypted. It signs from `not_before` until a younger one does."""

    kid: str
    public_key: str
    private_key: bytes
    not_before: datetime
    retired_at: datetime | None


class JsonWebKey(msgspec.Struct, frozen=True, kw_only=True):
    """An Ed25519 public key (RFC 8037). It names no `alg`: the token's header says EdDSA now, Ed25519 one day (RFC 9864)."""

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    use: Literal["sig"] = "sig"
    kid: str
    x: str


class JsonWebKeySet(msgspec.Struct, frozen=True):
    """A key set (RFC 7517)."""

    keys: list[JsonWebKey]
