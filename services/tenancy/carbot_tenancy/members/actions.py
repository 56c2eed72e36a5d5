"""Adding and changing members."""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET

from carbot_contracts.event import Event
from carbot_contracts.tenancy import MembershipChanged, Role
from carbot_core import outbox
from carbot_core.auth.principal import Principal
from carbot_core.clock import Clock
from carbot_core.db import Tx
from carbot_core.errors import Conflict, Forbidden, NotFound, PreconditionFailed
from carbot_tenancy.members import queries
from carbot_tenancy.members.grants import refuse_grant, refuse_wider_role
from carbot_tenancy.members.models import Member, MemberEdit, Membership
from carbot_tenancy.organizations.queries import lock_choices
from carbot_tenancy.sessions.actions import revoke_access


class MemberNotFound(NotFound):
    """There is no such member."""


class AlreadyAMember(Conflict):
    """Whoever has this e-mail address is a member already."""


class LastOwner(Conflict):
    """An organisation needs an owner: make somebody else one first."""


class NotTheOwner(Forbidden):
    """You do not own the organisation any more."""


class OwnerAlready(Conflict):
    """You own the organisation already: name the member who is to own it after you."""


async def add_member(tx: Tx, user_id: UUID, role: Role, workshop_ids: list[UUID] | None, now: datetime) -> Membership:
    """Make a user a member and announce it; raise AlreadyAMember."""
    membership = await queries.insert_member(tx, user_id, role, workshop_ids, now)
    if membership is None:
        raise AlreadyAMember(user=user_id)
    await outbox.add(tx, _state(membership), version=membership.revision)
    return membership


async def edit_member(
    tx: Tx, caller: Principal, member_id: UUID, revision: int, edit: MemberEdit, *, clock: Clock
) -> Member:
    """Change a member and refuse the tokens that say otherwise; raise MemberNotFound, PreconditionFailed, GrantTooWide, ...

    The time is read under the row's lock: a token of the old role was issued before, one of the new role comes after.
    """
    await lock_choices(tx)
    if edit.is_active is False:
        await queries.lock_sessions(tx, member_id)
    member = await queries.lock_member(tx, member_id)
    if member is None:
        raise MemberNotFound(member=member_id)
    if member.revision != revision:
        raise PreconditionFailed(member=member_id)
    refuse_wider_role(caller, member.role)
    changes = {name: value for name in edit.__struct_fields__ if (value := getattr(edit, name)) is not UNSET}
    changed = msgspec.structs.replace(member, **changes)
    if changed == member:
        return member
    await refuse_grant(tx, caller, changed.role, changed.workshop_ids)
    await _refuse_no_owner(tx, changed)
    return await _store(tx, changed, clock())


async def transfer_ownership(tx: Tx, caller: Principal, member_id: UUID, *, clock: Clock) -> Member:
    """Make another member the owner of all workshops, and the caller, who was it, an admin; return the new owner.

    Raises MemberNotFound, OwnerAlready or NotTheOwner. Of two who do it at once the second one sees what the first one did.
    """
    await lock_choices(tx)
    heir = await queries.lock_member(tx, member_id)
    if heir is None or not heir.is_active:
        raise MemberNotFound(member=member_id)
    if heir.user_id == caller.id:
        raise OwnerAlready(member=member_id)
    own_id = await queries.find_member_id(tx, caller.id)
    owner = None if own_id is None else await queries.lock_member(tx, own_id)
    if owner is None or owner.role != "owner" or not owner.is_active:
        raise NotTheOwner
    now = clock()
    heir = await _store(tx, msgspec.structs.replace(heir, role="owner", workshop_ids=None), now)
    await _store(tx, msgspec.structs.replace(owner, role="admin"), now)
    return heir


async def leave(tx: Tx, caller: Principal, *, clock: Clock) -> None:
    """End the caller's own membership; raise LastOwner. Whoever has left, or is an API key, has nothing to end."""
    await lock_choices(tx)
    member_id = await queries.find_member_id(tx, caller.id)
    if member_id is None:
        return
    await queries.lock_sessions(tx, member_id)
    member = await queries.lock_member(tx, member_id)
    if member is None or not member.is_active:
        return
    left = msgspec.structs.replace(member, is_active=False)
    await _refuse_no_owner(tx, left)
    await _store(tx, left, clock())


async def _refuse_no_owner(tx: Tx, changed: Member) -> None:
    """Raise LastOwner if nobody but this member owns the organisation, who now would not; choices are locked."""
    if changed.role == "owner" and changed.is_active:
        return
    if await queries.list_owners(tx) == [changed.id]:
        raise LastOwner(member=changed.id)


async def _store(tx: Tx, changed: Member, now: datetime) -> Member:
    """Store and announce a member, refuse the tokens that say otherwise, and end the sessions of one who is none any more."""
    stored = await queries.update_member(tx, changed, now)
    await outbox.add(tx, _state(stored), version=stored.revision)
    await revoke_access(tx, "member", stored.user_id, not_before=now, reason="changed")
    if not stored.is_active:
        await queries.mark_sessions_ended(tx, stored.user_id, now)
    return msgspec.structs.replace(changed, revision=stored.revision)


async def announce_memberships(tx: Tx, after: UUID | None, limit: int) -> list[tuple[Event, int]]:
    """Return the state of memberships in the order of their ids, with their versions."""
    return [(_state(row), row.revision) for row in await queries.list_membership_states(tx, after, limit)]


def _state(membership: Membership) -> MembershipChanged:
    return MembershipChanged(
        membership_id=membership.id,
        user_id=membership.user_id,
        role=membership.role,
        workshop_ids=None if membership.workshop_ids is None else tuple(membership.workshop_ids),
        is_active=membership.is_active,
    )
