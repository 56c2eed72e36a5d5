"""The steps of an import: each is asked for by a person and worked off by a worker."""

from collections import Counter
from datetime import datetime
from typing import Final
from uuid import UUID

from carbot_contracts.crm import CustomerCreated
from carbot_core import outbox, timers
from carbot_core.db import Tx
from carbot_core.errors import Conflict, Invalid, NotFound, Refusal
from carbot_crm.customers import queries as customers
from carbot_crm.customers.actions import WorkshopNotFound
from carbot_crm.imports import queries
from carbot_crm.imports.headers import guess_mapping
from carbot_crm.imports.models import LARGEST_BYTES, TIMER, Import, Kind, Mapping, Planned, Row, State, Table
from carbot_crm.imports.plans import Known, draft

BATCH = 500
_STAGED = 1_000
_END: Final[dict[State, State]] = {"checking": "checked", "applying": "applied"}


class ImportNotFound(NotFound):
    """There is no such import."""


class ImportNotReady(Conflict):
    """The import is not at this step: see its state."""


class ImportRuns(Conflict):
    """Another import is being applied: wait until it has ended."""


class UnknownColumn(Invalid):
    """The file has no such column."""


class NotCsv(Refusal):
    """Send the file as it is, as text/csv."""

    status = 415


class FileTooLarge(Refusal):
    """The file has more than 50 MiB, or nothing in it."""

    status = 413


async def create_import(
    tx: Tx, kind: Kind, content: bytes, *, workshop_id: UUID | None, file_name: str, now: datetime
) -> Import:
    """Keep a file and let it be read; raise FileTooLarge, WorkshopNotFound."""
    if not 0 < len(content) <= LARGEST_BYTES:
        raise FileTooLarge
    made = await queries.insert_import(tx, kind, workshop_id=workshop_id, file_name=file_name, content=content, now=now)
    if made is None:
        raise WorkshopNotFound(workshop=workshop_id)
    await timers.start(tx, TIMER, made.id, now)
    return made


async def edit_mapping(tx: Tx, import_id: UUID, mapping: Mapping, now: datetime) -> Import:
    """Say which column is which; raise ImportNotFound, ImportNotReady, UnknownColumn."""
    found = await _locked(tx, import_id, ("uploaded", "checked"))
    if any(column >= len(found.columns) for column in mapping.values()):
        raise UnknownColumn
    return await queries.update_mapping(tx, import_id, mapping, now)


async def check_import(tx: Tx, import_id: UUID, now: datetime) -> Import:
    """Begin the dry run; raise ImportNotFound, ImportNotReady."""
    await _locked(tx, import_id, ("uploaded", "checked"))
    return await _begin(tx, import_id, "checking", now)


async def apply_import(tx: Tx, import_id: UUID, now: datetime) -> Import:
    """Begin to take up the rows; raise ImportNotFound, ImportNotReady, ImportRuns."""
    await _locked(tx, import_id, ("checked",))
    if await queries.is_applying(tx):
        raise ImportRuns
    return await _begin(tx, import_id, "applying", now)


async def _begin(tx: Tx, import_id: UUID, state: State, now: datetime) -> Import:
    begun = await queries.mark_begun(tx, import_id, state, now)
    await timers.start(tx, TIMER, import_id, now)
    return begun


async def _locked(tx: Tx, import_id: UUID, states: tuple[State, ...]) -> Import:
    found = await queries.lock_import(tx, import_id)
    if found is None:
        raise ImportNotFound(import_id=import_id)
    if found.state not in states:
        raise ImportNotReady(import_id=import_id, state=found.state)
    return found


async def stage(tx: Tx, import_id: UUID, table: Table, now: datetime) -> None:
    """Keep the rows of a file that was read, instead of the file."""
    for first in range(0, len(table.rows), _STAGED):
        await queries.insert_rows(tx, import_id, table.rows[first : first + _STAGED], now)
    mapping = guess_mapping(table.columns)
    await queries.mark_read(tx, import_id, columns=table.columns, mapping=mapping, row_count=len(table.rows), now=now)
    await queries.delete_file(tx, import_id)


async def work_off_batch(tx: Tx, import_id: UUID, now: datetime) -> bool:
    """Check or apply the next rows; return whether more are to come."""
    found = await queries.lock_import(tx, import_id)
    if found is None or found.state not in _END:
        return False
    rows = await queries.list_rows(tx, import_id, after=found.reached, limit=BATCH)
    applied = found.state == "applying"
    planned = await _plan(tx, found, rows, now)
    if applied:
        await _store(tx, planned, now)
    await queries.mark_rows(tx, import_id, planned, applied=applied, now=now)
    more = len(rows) == BATCH
    await queries.update_progress(
        tx,
        import_id,
        reached=rows[-1].number if rows else found.reached,
        counts=Counter(each.outcome for each in planned),
        state=found.state if more else _END[found.state],
        now=now,
    )
    return more


async def _plan(tx: Tx, found: Import, rows: list[Row], now: datetime) -> list[Planned]:
    drafts = [draft(row, found.mapping) for row in rows]
    values = [each.values for each in drafts if not each.errors]
    emails = [each["email"] for each in values if "email" in each]
    phones = [each["phone"] for each in values if "phone" in each]
    places = [each["postal_code"] for each in values if "email" not in each and "phone" not in each]
    known = await customers.lock_known(tx, workshop_id=found.workshop_id, emails=emails, phones=phones)
    if places:
        known += await customers.lock_at_places(tx, workshop_id=found.workshop_id, postal_codes=places)
    taken = await queries.list_targets(tx, found.id, [customer.id for customer in known])
    memory = Known(known, taken)
    return [memory.plan(each, found.workshop_id, now) for each in drafts]


async def _store(tx: Tx, planned: list[Planned], now: datetime) -> None:
    """Write what is new or different, and announce it."""
    made = [each.customer for each in planned if each.customer and each.outcome == "inserted"]
    changed = [each.customer for each in planned if each.customer and each.outcome == "updated"]
    await customers.insert_customers(tx, made)
    await customers.update_customers(tx, changed, now)
    events = [(CustomerCreated(customer_id=each.id, workshop_id=each.workshop_id), 1) for each in made]
    states = [(customers.state_of(each), 1) for each in made]
    states += [(customers.state_of(each), each.revision + 1) for each in changed]
    await outbox.add_all(tx, [*events, *states])
