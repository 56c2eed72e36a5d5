"""Who may give whom which role: nobody more than they have themselves."""

from uuid import UUID

from carbot_contracts.scopes import ROLE_SCOPES
from carbot_contracts.tenancy import Role
from carbot_core.auth.principal import Principal
from carbot_core.db import Tx
from carbot_core.errors import FieldError, Forbidden, Invalid
from carbot_tenancy.workshops import queries as workshops
from carbot_tenancy.workshops.actions import WorkshopNotFound

OWNERS_ALONE = frozenset[Role]({"owner", "admin"})


class GrantTooWide(Forbidden):
    """You cannot give more than you have yourself, and only an owner makes or changes owners and admins."""


class OwnerSeesAll(Invalid):
    """An owner is not restricted to workshops."""


async def refuse_grant(tx: Tx, caller: Principal, role: Role, workshop_ids: list[UUID] | None) -> None:
    """Raise GrantTooWide, OwnerSeesAll or WorkshopNotFound unless the caller may give this role for these workshops."""
    refuse_wider_role(caller, role)
    if workshop_ids is None:
        if caller.workshops is not None:
            raise GrantTooWide(reason="all workshops")
        return
    if role == "owner":
        raise OwnerSeesAll(errors=(FieldError("/workshop_ids", OwnerSeesAll.sentence()),))
    if await workshops.count_workshops(tx, workshop_ids) != len(set(workshop_ids)):
        raise WorkshopNotFound


def refuse_wider_role(caller: Principal, role: Role) -> None:
    """Raise GrantTooWide unless the caller may give, change or take away this role."""
    if caller.role == "owner":
        return
    if role in OWNERS_ALONE or not ROLE_SCOPES[role] <= caller.scopes:
        raise GrantTooWide(role=role)
