"""Recording what the services report, and reading it."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID, uuid5

import msgspec
from msgspec import UNSET

from carbot_compliance.audit import queries
from carbot_compliance.audit.models import (
    Actor,
    Change,
    Content,
    Entry,
    Filter,
    NewEntry,
    Position,
    Report,
    Row,
    RowChange,
    SealedValue,
    Span,
    StoredChange,
    StoredEntry,
)
from carbot_compliance.subject_keys import actions as subject_keys
from carbot_compliance.subject_keys.models import OpenKey
from carbot_core.crypto import Vault
from carbot_core.db import Tx
from carbot_core.errors import FieldError, Invalid

_NULL = msgspec.Raw(b"null")
_LEAST = UUID(int=0)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_END = Position(datetime(9999, 12, 31, tzinfo=UTC), _LEAST)
_LEAF = b"\x00"
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_encoder = msgspec.json.Encoder(order="sorted")
_contents = msgspec.json.Decoder(Content)
_sealed_values = msgspec.json.Decoder(SealedValue | None)


class InvalidTime(Invalid):
    """A time is a date, a time of day and an offset, for example 2026-01-31T08:00:00+01:00."""


def read_time(parameter: str, text: str | None) -> datetime | None:
    """Return the time in a query parameter (RFC 3339), None for None; raise InvalidTime, also where the offset is missing."""
    if text is None:
        return None
    try:
        return msgspec.convert(text, _Instant)
    except msgspec.ValidationError:
        raise InvalidTime(errors=(FieldError(parameter, InvalidTime.sentence()),)) from None


async def record(tx: Tx, vault: Vault, reports: Mapping[UUID, Report]) -> None:
    """Append what the reports say, by event id, to the log of the transaction's organisation."""
    changes = [
        (uuid5(event_id, str(index)), report, change)
        for event_id, report in reports.items()
        for index, change in enumerate(report.changes)
    ]
    subjects = {_subject(tx, change) for _, report, change in changes if _personal_values(report, change)}
    keys = await subject_keys.ensure_keys(tx, vault, "audit", subjects)
    await queries.insert_entries(
        tx,
        [_entry(tx, entry_id, report, change, keys.get(_subject(tx, change))) for entry_id, report, change in changes],
    )


async def list_entries(tx: Tx, vault: Vault, wanted: Filter, *, after: Position | None, limit: int) -> list[Entry]:
    """List entries, newest first, with their personal values as far as their keys still exist."""
    rows = await _list_stored(tx, wanted, _span(wanted, after), limit)
    contents = [_contents.decode(row.content) for row in rows]
    keys = await subject_keys.find_keys(tx, vault, (value.key for content in contents for value in _sealed_in(content)))
    return [_show(content, row, keys) for content, row in zip(contents, rows, strict=True)]


async def _list_stored(tx: Tx, wanted: Filter, span: Span, limit: int) -> list[StoredEntry]:
    if wanted.row_id is not None:
        return await queries.list_entries_of_row(tx, wanted.row_id, wanted.table, wanted.actor_id, span, limit=limit)
    if wanted.actor_id is not None:
        return await queries.list_entries_of_actor(tx, wanted.actor_id, wanted.table, span, limit=limit)
    if wanted.table is not None:
        return await queries.list_entries_of_table(tx, wanted.table, span, limit=limit)
    return await queries.list_entries(tx, span, limit=limit)


def _span(wanted: Filter, after: Position | None) -> Span:
    # What follows a position of this list lies before until anyway.
    before = after or (Position(wanted.until, _LEAST) if wanted.until else _END)
    return Span(wanted.since or _BEGINNING, before)


def _subject(tx: Tx, change: RowChange) -> UUID:
    """Return under whose key personal values are sealed: a row about nobody else is its own subject."""
    return change.subject_id or change.row_id or tx.organization_id


def _difference(change: RowChange) -> list[str]:
    """Return the columns that differ, in their order; none when only what is never recorded has changed."""
    return sorted(name for name in change.old | change.new if change.old.get(name) != change.new.get(name))


def _personal_values(report: Report, change: RowChange) -> bool:
    return any(
        row.get(name, _NULL) != _NULL
        for name in report.personal.intersection(_difference(change))
        for row in (change.old, change.new)
    )


def _entry(tx: Tx, entry_id: UUID, report: Report, change: RowChange, key: OpenKey | None) -> NewEntry:
    kind, _, actor_id = (report.actor or "system").partition(":")

    def store(row: Row, name: str, side: str) -> msgspec.Raw | msgspec.UnsetType:
        value = row.get(name, UNSET)
        if value is UNSET or value == _NULL or name not in report.personal or key is None:
            return value
        sealed = key.vault and key.vault.encrypt(bytes(value), _place(entry_id, name, side))
        return msgspec.Raw(_encoder.encode(SealedValue(key.id, sealed)))

    content = Content(
        organization_id=tx.organization_id,
        id=entry_id,
        occurred_at=report.occurred_at,
        actor=msgspec.convert({"kind": kind, "id": actor_id or None}, Actor),
        action=report.action,
        table=report.table,
        row_id=change.row_id,
        request_id=report.request_id,
        trace_id=report.trace_id,
        changes={
            name: StoredChange(
                old=store(change.old, name, "old"),
                new=store(change.new, name, "new"),
                personal=name in report.personal,
            )
            for name in _difference(change)
        },
    )
    stored = _encoder.encode(content)
    return NewEntry(content, StoredEntry(stored, hashlib.sha256(_LEAF + stored).digest()))


def _place(entry_id: UUID, column: str, side: str) -> str:
    return f"compliance.audit_logs.content/{entry_id}/{column}/{side}"


def _sealed_in(content: Content) -> Iterable[SealedValue]:
    for change in content.changes.values():
        for value in (change.old, change.new):
            if change.personal and value is not UNSET:
                sealed = _sealed_values.decode(value)
                if sealed is not None:
                    yield sealed


def _show(content: Content, row: StoredEntry, keys: Mapping[UUID, OpenKey]) -> Entry:
    return Entry(
        id=content.id,
        occurred_at=content.occurred_at,
        actor=content.actor,
        action=content.action,
        table=content.table,
        row_id=content.row_id,
        changes={name: _show_change(content.id, name, change, keys) for name, change in content.changes.items()},
        request_id=content.request_id,
        trace_id=content.trace_id,
        leaf_hash=row.leaf_hash.hex(),
    )


def _show_change(entry_id: UUID, name: str, change: StoredChange, keys: Mapping[UUID, OpenKey]) -> Change:
    if not change.personal:
        return Change(old=change.old, new=change.new)
    erased = False
    values: list[msgspec.Raw | msgspec.UnsetType] = []
    for side, value in (("old", change.old), ("new", change.new)):
        sealed = None if value is UNSET else _sealed_values.decode(value)
        if sealed is None:
            values.append(value)
            continue
        key = keys.get(sealed.key)
        if key is None or key.vault is None or sealed.sealed is None:
            erased = True
            values.append(_NULL)
        else:
            values.append(msgspec.Raw(key.vault.decrypt(sealed.sealed, _place(entry_id, name, side))))
    return Change(old=values[0], new=values[1], erased=erased)
