"""What can be done with an assignment rule."""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET

from carbot_core.auth.principal import Principal
from carbot_core.db import Tx
from carbot_core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, PreconditionFailed
from carbot_crm.assignment_rules import queries
from carbot_crm.assignment_rules.models import AssignmentRule, AssignmentRuleEdit, NewAssignmentRule
from carbot_crm.leads.actions import WorkshopNotFound


class AssignmentRuleNotFound(NotFound):
    """There is no such assignment rule."""


class AssignmentRuleExists(Conflict):
    """The workshop, or the organisation, has a rule already: change that one."""


class AssignmentRuleTooWide(Forbidden):
    """This rule counts for all workshops, and you do not see them all: name one."""


class RuleMemberNotFound(NotFound):
    """There is no such member at the rule's workshop."""


class OneMemberNeeded(Invalid):
    """A fixed rule names one member."""


async def create_assignment_rule(tx: Tx, caller: Principal, new: NewAssignmentRule, *, now: datetime) -> AssignmentRule:
    """Store a rule.

    Raises OneMemberNeeded, AssignmentRuleTooWide, WorkshopNotFound, RuleMemberNotFound, AssignmentRuleExists.
    """
    _refuse_wider(caller, new.workshop_id)
    if new.workshop_id is not None and not await queries.sees_workshop(tx, new.workshop_id):
        raise WorkshopNotFound(workshop=new.workshop_id)
    await _refuse_members(tx, new)
    rule = await queries.insert_assignment_rule(tx, new, now)
    if rule is None:
        raise AssignmentRuleExists(workshop=new.workshop_id)
    return rule


async def edit_assignment_rule(
    tx: Tx, caller: Principal, rule_id: UUID, revision: int, edit: AssignmentRuleEdit, *, now: datetime
) -> AssignmentRule:
    """Change a rule as the caller last saw it.

    Raises AssignmentRuleNotFound, PreconditionFailed, AssignmentRuleTooWide, OneMemberNeeded, RuleMemberNotFound.
    """
    before = await _locked(tx, caller, rule_id, revision)
    changes = {name: value for name in edit.__struct_fields__ if (value := getattr(edit, name)) is not UNSET}
    after = msgspec.structs.replace(before, **changes)
    if (after.strategy, after.member_ids) != (before.strategy, before.member_ids):
        await _refuse_members(tx, after)
    return await queries.update_assignment_rule(tx, after, now)


async def delete_assignment_rule(tx: Tx, caller: Principal, rule_id: UUID, revision: int) -> None:
    """Delete a rule as the caller last saw it; raise AssignmentRuleNotFound, PreconditionFailed, AssignmentRuleTooWide."""
    await _locked(tx, caller, rule_id, revision)
    await queries.delete_assignment_rule(tx, rule_id)


def _refuse_wider(caller: Principal, workshop_id: UUID | None) -> None:
    if workshop_id is None and caller.workshops is not None:
        raise AssignmentRuleTooWide


async def _refuse_members(tx: Tx, rule: NewAssignmentRule | AssignmentRule) -> None:
    if rule.strategy == "fixed" and len(rule.member_ids) != 1:
        raise OneMemberNeeded(errors=(FieldError("/member_ids", OneMemberNeeded.sentence()),))
    if await queries.find_stranger(tx, rule.member_ids, rule.workshop_id) is not None:
        raise RuleMemberNotFound(workshop=rule.workshop_id)


async def _locked(tx: Tx, caller: Principal, rule_id: UUID, revision: int) -> AssignmentRule:
    rule = await queries.lock_assignment_rule(tx, rule_id)
    if rule is None:
        raise AssignmentRuleNotFound(rule=rule_id)
    if rule.revision != revision:
        raise PreconditionFailed(rule=rule_id)
    _refuse_wider(caller, rule.workshop_id)
    return rule
