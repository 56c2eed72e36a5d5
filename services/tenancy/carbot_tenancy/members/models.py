"""Members."""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from carbot_contracts.tenancy import Role
from carbot_tenancy.fields import WorkshopIds


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """A user in an organisation; workshop_ids null means all workshops."""

    id: UUID
    user_id: UUID
    role: Role
    workshop_ids: list[UUID] | None
    is_active: bool
    created_at: datetime
    revision: int


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A member with name and address; workshop_ids null means all workshops."""

    id: UUID
    user_id: UUID
    name: str
    email: str
    role: Role
    workshop_ids: list[UUID] | None
    is_active: bool
    created_at: datetime
    revision: int


class MemberEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be different; what is left out stays, workshop_ids null means all workshops."""

    role: Role | UnsetType = UNSET
    workshop_ids: WorkshopIds | UnsetType | None = UNSET
    is_active: bool | UnsetType = UNSET


class MemberPosition(msgspec.Struct, frozen=True):
    """After which member a page goes on."""

    id: UUID
