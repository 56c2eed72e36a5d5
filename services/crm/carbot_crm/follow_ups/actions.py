"""What can be done with a follow-up."""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET

from carbot_core import timers
from carbot_core.db import Tx
from carbot_core.errors import Conflict, NotFound, PreconditionFailed
from carbot_core.ids import new_id
from carbot_crm.follow_ups import queries
from carbot_crm.follow_ups.models import TIMER, FollowUp, FollowUpEdit, NewFollowUp
from carbot_crm.leads import queries as leads
from carbot_crm.leads.actions import OPEN, AssigneeNotFound, LeadNotFound


class FollowUpNotFound(NotFound):
    """There is no such follow-up."""


class FollowUpOver(Conflict):
    """The follow-up is done or cancelled."""


class LeadClosed(Conflict):
    """The lead is closed: reopen it first."""


async def create_follow_up(tx: Tx, lead_id: UUID, new: NewFollowUp, now: datetime) -> FollowUp:
    """Store what is to be done for an open lead; raise LeadNotFound, LeadClosed, AssigneeNotFound."""
    lead = await leads.lock_lead(tx, lead_id)
    if lead is None:
        raise LeadNotFound(lead=lead_id)
    if lead.status not in OPEN:
        raise LeadClosed(lead=lead_id)
    await _refuse_stranger(tx, new.assigned_to, lead.workshop_id)
    reminder_id = new_id()
    follow_up = await queries.insert_follow_up(tx, new_id(), lead_id, new, reminder_id, now)
    await timers.start(tx, TIMER, reminder_id, follow_up.due_at)
    return follow_up


async def edit_follow_up(tx: Tx, follow_up_id: UUID, revision: int, edit: FollowUpEdit, *, now: datetime) -> FollowUp:
    """Change a follow-up as the caller last saw it.

    Raises FollowUpNotFound, PreconditionFailed, FollowUpOver, AssigneeNotFound.
    """
    before = await _locked(tx, follow_up_id, revision)
    changes = {name: value for name in edit.__struct_fields__ if (value := getattr(edit, name)) is not UNSET}
    after = msgspec.structs.replace(before, **changes)
    if after.assigned_to != before.assigned_to:
        await _refuse_stranger(tx, after.assigned_to, before.workshop_id)
    reminder_id = new_id() if after.due_at != before.due_at else None
    if reminder_id is not None:
        await timers.start(tx, TIMER, reminder_id, after.due_at)
    return await queries.update_follow_up(tx, after, reminder_id, now)


async def complete_follow_up(tx: Tx, follow_up_id: UUID, revision: int | None, *, now: datetime) -> FollowUp:
    """Note that it is done; raise FollowUpNotFound, PreconditionFailed, FollowUpOver."""
    before = await _locked(tx, follow_up_id, revision)
    return await queries.update_follow_up(tx, msgspec.structs.replace(before, status="done", done_at=now), None, now)


async def _refuse_stranger(tx: Tx, user_id: UUID | None, workshop_id: UUID) -> None:
    if user_id is not None and await leads.find_assignee(tx, user_id, workshop_id) is None:
        raise AssigneeNotFound(workshop=workshop_id)


async def _locked(tx: Tx, follow_up_id: UUID, revision: int | None) -> FollowUp:
    follow_up = await queries.lock_follow_up(tx, follow_up_id)
    if follow_up is None:
        raise FollowUpNotFound(follow_up=follow_up_id)
    if revision is not None and revision != follow_up.revision:
        raise PreconditionFailed(follow_up=follow_up_id)
    if follow_up.status != "open":
        raise FollowUpOver(follow_up=follow_up_id)
    return follow_up
