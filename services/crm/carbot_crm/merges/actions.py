"""Joining two customers, and taking it back."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from carbot_core import outbox
from carbot_core.db import Tx
from carbot_core.errors import Conflict, Invalid, NotFound
from carbot_crm.customers import queries as customers
from carbot_crm.customers.actions import CustomerMerged, CustomerNotFound, locked_customer
from carbot_crm.customers.models import Customer
from carbot_crm.merges import queries
from carbot_crm.merges.models import Merge, Moved, Snapshot

_FILLED: Final = (
    "first_name",
    "last_name",
    "company",
    "email",
    "phone",
    "street",
    "postal_code",
    "city",
    "note",
)
"""What the survivor takes over where it has nothing of its own."""


class MergeNotFound(NotFound):
    """There is no such merge."""


class MergeWithItself(Invalid):
    """A customer cannot be merged with itself."""


class MergeTooOld(Conflict):
    """A merge can be taken back for 30 days."""


class MergeUndone(Conflict):
    """This merge was taken back already."""


async def merge(tx: Tx, survivor_id: UUID, merged_id: UUID, *, now: datetime) -> Merge:
    """Let a customer go on as another; raise MergeWithItself, CustomerNotFound, CustomerMerged.

    What the survivor lacks is filled in from the other, everything that belongs to the other moves. What either of them
    said of advertising stays on record as it was said; the send gate goes by the stricter.
    """
    if survivor_id == merged_id:
        raise MergeWithItself
    # In one order, so that two merges of the same two cannot wait for each other.
    both = {each: await locked_customer(tx, each) for each in sorted((survivor_id, merged_id))}
    survivor, merged = both[survivor_id], both[merged_id]
    filled = {
        name: getattr(merged, name)
        for name in _FILLED
        if getattr(survivor, name) is None and getattr(merged, name) is not None
    }
    moved = await _move(tx, merged_id, survivor_id, None)
    await queries.update_merged_into(tx, merged_id, survivor_id, now)
    await _store(tx, survivor, filled, now)
    await _tell(tx, merged_id)
    return await queries.insert_merge(tx, survivor_id, merged_id, Snapshot(filled=filled, moved=moved), now)


async def undo(tx: Tx, merge_id: UUID, *, now: datetime) -> Merge:
    """Take a merge back; raise MergeNotFound, MergeUndone, MergeTooOld, CustomerMerged if the survivor was merged since.

    What the survivor was given and has changed since stays, as does what has come to it since.
    """
    known = await queries.lock_merge(tx, merge_id)
    if known is None:
        raise MergeNotFound(merge=merge_id)
    if known.undone_at is not None:
        raise MergeUndone(merge=merge_id)
    if now > known.undo_until:
        raise MergeTooOld(merge=merge_id)
    both = {each: await customers.lock_customer(tx, each) for each in sorted((known.survivor_id, known.merged_id))}
    survivor = both[known.survivor_id]
    if survivor is None:
        raise CustomerNotFound(customer=known.survivor_id)
    if survivor.merged_into is not None:
        raise CustomerMerged(public={"merged_into": str(survivor.merged_into)}, customer=survivor.id)
    given = {name: None for name, value in known.snapshot.filled.items() if getattr(survivor, name) == value}
    await _move(tx, known.survivor_id, known.merged_id, known.snapshot.moved)
    await queries.update_merged_into(tx, known.merged_id, None, now)
    await _store(tx, survivor, given, now)
    await _tell(tx, known.merged_id)
    return await queries.mark_undone(tx, merge_id, now)


async def _move(tx: Tx, source: UUID, target: UUID, only: Moved | None) -> Moved:
    """Move it at every workshop, also at those that the caller does not see: it belongs to the customer."""
    caller = tx.context
    await tx.go_on_as(msgspec.structs.replace(caller, workshops=None))
    moved = await queries.move(tx, source, target, only)
    await tx.go_on_as(caller)
    return moved


async def _store(tx: Tx, survivor: Customer, changes: dict[str, Any], now: datetime) -> None:
    stored = await customers.update_customer(tx, msgspec.structs.replace(survivor, **changes), now)
    await outbox.add(tx, customers.state_of(stored), version=stored.revision)


async def _tell(tx: Tx, customer_id: UUID) -> None:
    customer = await customers.find_customer(tx, customer_id)
    if customer is not None:
        await outbox.add(tx, customers.state_of(customer), version=customer.revision)
