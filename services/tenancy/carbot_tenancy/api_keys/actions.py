"""Making, rotating and revoking API keys."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from carbot_contracts.event import Event
from carbot_contracts.scopes import SCOPES, SESSION
from carbot_contracts.tenancy import ApiKeyChanged
from carbot_core import outbox
from carbot_core.auth.principal import Principal
from carbot_core.credentials import Credential
from carbot_core.db import Tx
from carbot_core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, PreconditionFailed
from carbot_core.ids import new_id
from carbot_tenancy.api_keys import queries
from carbot_tenancy.api_keys.models import ApiKey, KeyKind, MintedApiKey, NewApiKey, Rotation, StoredApiKey
from carbot_tenancy.api_keys.origins import normalize_origin
from carbot_tenancy.sessions.actions import ACCESS, revoke_access
from carbot_tenancy.workshops import queries as workshops
from carbot_tenancy.workshops.actions import WorkshopNotFound

PREFIXES: Mapping[KeyKind, str] = {"publishable": "pk", "secret": "cb_live"}


class ApiKeyNotFound(NotFound):
    """There is no such API key."""


class InvalidApiKey(Invalid):
    """Such a key makes no sense: see errors."""


class ApiKeyEnded(Conflict):
    """The key has expired or was revoked: make a new one."""


class KeyTooWide(Forbidden):
    """A key cannot have more than you have yourself."""


async def create_api_key(tx: Tx, caller: Principal, new: NewApiKey, now: datetime) -> MintedApiKey:
    """Store a key and announce it; raise InvalidApiKey, KeyTooWide or WorkshopNotFound."""
    new = _checked(caller, new, now)
    _refuse_wider(caller, set(new.scopes or ()), new.workshop_id)
    if new.workshop_id is not None and await workshops.find_workshop(tx, new.workshop_id) is None:
        raise WorkshopNotFound(workshop=new.workshop_id)
    return await _mint(tx, caller, new, rotated_from=None, now=now)


async def rotate_api_key(
    tx: Tx, caller: Principal, key_id: UUID, rotation: Rotation, *, revision: int | None, now: datetime
) -> MintedApiKey:
    """Make a key's successor, and let the key end after the overlap, or earlier if it would have.

    Raises ApiKeyNotFound, PreconditionFailed, ApiKeyEnded, KeyTooWide, InvalidApiKey.
    """
    old = await queries.lock_api_key(tx, key_id)
    if old is None:
        raise ApiKeyNotFound(key=key_id)
    if revision is not None and revision != old.revision:
        raise PreconditionFailed(key=key_id)
    if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
        raise ApiKeyEnded(key=key_id)
    _refuse_wider(caller, set(old.scopes), old.workshop_id)
    _refuse_past(rotation.expires_at, now)
    new = NewApiKey(
        kind=old.kind,
        name=old.name,
        workshop_id=old.workshop_id,
        allowed_origins=old.allowed_origins,
        scopes=old.scopes,
        expires_at=rotation.expires_at,
    )
    minted = await _mint(tx, caller, new, rotated_from=old.id, now=now)
    ends_at = now + timedelta(hours=rotation.overlap_hours)
    ended = await queries.update_expiry(tx, old.id, min(ends_at, old.expires_at or ends_at), now)
    await outbox.add(tx, _state(ended), version=ended.revision)
    if rotation.overlap_hours == 0:
        # Tokens that were made of it would go on for ten minutes.
        await revoke_access(tx, "api_key", old.id, not_before=now + ACCESS, reason="rotated")
    return minted


async def revoke_api_key(tx: Tx, key_id: UUID, revision: int | None, now: datetime) -> ApiKey:
    """Revoke a key and its access tokens, once; raise ApiKeyNotFound, PreconditionFailed."""
    known = await read_api_key(tx, key_id)
    if revision is not None and revision != known.revision:
        raise PreconditionFailed(key=key_id)
    stored = await queries.mark_revoked(tx, key_id, now)
    if stored is not None:
        await outbox.add(tx, _state(stored), version=stored.revision)
        # A key is never revived, so a token that is being made at this moment may be refused as well.
        await revoke_access(tx, "api_key", key_id, not_before=now + ACCESS, reason="revoked")
    return await read_api_key(tx, key_id)


async def revoke_api_keys(tx: Tx, now: datetime) -> None:
    """Revoke every key of an organisation whose access tokens are refused by themselves."""
    for revoked in await queries.mark_all_revoked(tx, now):
        await outbox.add(tx, _state(revoked), version=revoked.revision)


async def read_api_key(tx: Tx, key_id: UUID) -> ApiKey:
    """Return a key; raise ApiKeyNotFound."""
    known = await queries.find_api_key(tx, key_id)
    if known is None:
        raise ApiKeyNotFound(key=key_id)
    return known


async def announce_api_keys(tx: Tx, after: UUID | None, limit: int) -> list[tuple[Event, int]]:
    """Return the state of keys in the order of their ids, with their versions."""
    return [(_state(row), row.revision) for row in await queries.list_api_key_states(tx, after, limit)]


async def _mint(tx: Tx, caller: Principal, new: NewApiKey, *, rotated_from: UUID | None, now: datetime) -> MintedApiKey:
    credential = Credential.mint(PREFIXES[new.kind], tx.organization_id, new_id())
    stored = await queries.insert_api_key(tx, new, credential, created_by=caller.id, rotated_from=rotated_from, now=now)
    await outbox.add(tx, _state(stored), version=stored.revision)
    return MintedApiKey(
        id=stored.id,
        key=str(credential),
        kind=stored.kind,
        name=new.name,
        workshop_id=stored.workshop_id,
        allowed_origins=stored.allowed_origins,
        scopes=new.scopes or [],
        rotated_from=rotated_from,
        expires_at=stored.expires_at,
        created_at=now,
        revision=stored.revision,
    )


def _checked(caller: Principal, new: NewApiKey, now: datetime) -> NewApiKey:
    _refuse_past(new.expires_at, now)
    return _checked_publishable(new) if new.kind == "publishable" else _checked_secret(caller, new)


def _checked_publishable(new: NewApiKey) -> NewApiKey:
    if new.workshop_id is None:
        raise _invalid("/workshop_id", "A publishable key is for one workshop")
    if new.scopes is not None:
        raise _invalid("/scopes", "A publishable key has no scopes")
    if not new.allowed_origins:
        raise _invalid("/allowed_origins", "Name the origin of at least one page")
    origins: list[str] = []
    for number, text in enumerate(new.allowed_origins):
        origin = normalize_origin(text)
        if origin is None:
            raise _invalid(f"/allowed_origins/{number}", "This is no origin: write https://host or https://host:port")
        if origin not in origins:
            origins.append(origin)
    return msgspec.structs.replace(new, allowed_origins=origins)


def _checked_secret(caller: Principal, new: NewApiKey) -> NewApiKey:
    if new.allowed_origins:
        raise _invalid("/allowed_origins", "A secret key never goes into a page")
    asked = caller.scopes - {SESSION} if new.scopes is None else set(new.scopes)
    for number, scope in enumerate(new.scopes or ()):
        if scope not in SCOPES:
            raise _invalid(f"/scopes/{number}", "There is no such scope")
        if scope == SESSION:
            raise _invalid(f"/scopes/{number}", "Only people have sessions")
    return msgspec.structs.replace(new, scopes=sorted(asked))


def _refuse_past(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and expires_at <= now:
        raise _invalid("/expires_at", "It is in the past")


def _refuse_wider(caller: Principal, scopes: set[str], workshop_id: UUID | None) -> None:
    """Raise KeyTooWide if a key with this reach would have more than the caller."""
    if not scopes <= caller.scopes:
        raise KeyTooWide(scopes=sorted(scopes - caller.scopes))
    if workshop_id is None and caller.workshops is not None:
        raise KeyTooWide(reason="all workshops")


def _invalid(pointer: str, message: str) -> InvalidApiKey:
    return InvalidApiKey(errors=(FieldError(pointer, message),))


def _state(key: StoredApiKey) -> ApiKeyChanged:
    return ApiKeyChanged(
        api_key_id=key.id,
        kind=key.kind,
        workshop_id=key.workshop_id,
        secret_hash=key.secret_hash,
        allowed_origins=tuple(key.allowed_origins),
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )
