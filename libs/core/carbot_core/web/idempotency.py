"""Idempotency-Key: one effect, and the same answer to whoever repeats the request (IETF draft-ietf-httpapi-idempotency-key-header-07).

The record is written in the transaction of the effect. The answer may hold secrets: it is encrypted under a key derived from
the idempotency key, of which only the SHA-256 is stored.
"""

import hashlib
import hmac
import re
from uuid import UUID

import msgspec

from carbot_core.crypto import Vault
from carbot_core.db import Tx
from carbot_core.errors import Conflict, Invalid
from carbot_core.web.exchange import Exchange, Replay

_FORM = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT_HEADERS = frozenset({"content-type", "etag", "location"})


class IdempotencyKeyMalformed(Invalid):
    """Idempotency-Key must be 1 to 255 visible ASCII characters, for example a UUID."""


class IdempotencyKeyInUse(Conflict):
    """A request with this Idempotency-Key is being worked on: ask again in a moment."""


class IdempotencyKeyReused(Invalid):
    """This Idempotency-Key was used for another request: make a new one."""


class Stored(msgspec.Struct, frozen=True):
    fingerprint: bytes
    answer: bytes


class Answer(msgspec.Struct, frozen=True, array_like=True):
    status: int
    headers: dict[str, str]
    body: bytes


async def claim(tx: Tx, exchange: Exchange, principal: UUID) -> None:
    """Take the request's key for this transaction, or raise Replay with the answer that it got before."""
    header = exchange.header("idempotency-key")
    if header is None:
        return
    key = header.strip('"')
    if not _FORM.fullmatch(key):
        raise IdempotencyKeyMalformed
    key_hash = hashlib.sha256(key.encode()).digest()
    lock = hashlib.sha256(tx.organization_id.bytes + principal.bytes + key_hash).digest()
    if not await tx.value(bool, "SELECT pg_try_advisory_xact_lock($1)", int.from_bytes(lock[:8], signed=True)):
        raise IdempotencyKeyInUse(headers={"Retry-After": "1"})
    stored = await tx.first(
        Stored,
        """
        SELECT fingerprint, answer
        FROM idempotency_keys
        WHERE organization_id = $1 AND principal = $2 AND key_hash = $3
        """,
        tx.organization_id,
        principal,
        key_hash,
    )
    if stored is None:
        exchange.to_store = (principal, key, key_hash)
        return
    if not hmac.compare_digest(stored.fingerprint, _fingerprint(exchange)):
        raise IdempotencyKeyReused
    answer = msgspec.msgpack.decode(_vault(key).decrypt(stored.answer, _place(tx, principal)), type=Answer)
    raise Replay(answer.status, answer.headers, answer.body)


async def store(tx: Tx, exchange: Exchange, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Keep the answer with its effect; does nothing where no key was claimed."""
    if exchange.to_store is None:
        return
    principal, key, key_hash = exchange.to_store
    kept = {name.decode(): value.decode("latin-1") for name, value in headers if name.decode().lower() in _KEPT_HEADERS}
    sealed = _vault(key).encrypt(msgspec.msgpack.encode(Answer(status, kept, body)), _place(tx, principal))
    await tx.execute(
        """
        INSERT INTO idempotency_keys (organization_id, principal, key_hash, fingerprint, answer)
        VALUES ($1, $2, $3, $4, $5)
        """,
        tx.organization_id,
        principal,
        key_hash,
        _fingerprint(exchange),
        sealed,
    )


def _fingerprint(exchange: Exchange) -> bytes:
    request = hashlib.sha256(f"{exchange.method} {exchange.path}?".encode())
    request.update(exchange.query + b"\n" + exchange.body)
    return request.digest()


def _vault(key: str) -> Vault:
    return Vault(hmac.digest(b"carbot idempotent answer", key.encode(), "sha256"))


def _place(tx: Tx, principal: UUID) -> str:
    return f"idempotency_keys/{tx.organization_id}/{principal}"
