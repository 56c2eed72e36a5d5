"""What an assignment rule is."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

Strategy = Literal["round_robin", "fixed"]
MemberIds = Annotated[
    list[UUID],
    msgspec.Meta(max_length=100, description="User ids, in order; who stands there twice gets twice as many"),
]


class NewAssignmentRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """By turns or to one; without a workshop it counts for those that have no active rule of their own."""

    workshop_id: UUID | None = None
    strategy: Strategy = "round_robin"
    member_ids: MemberIds


class AssignmentRuleEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be different; what is left out stays."""

    strategy: Strategy | UnsetType = UNSET
    member_ids: MemberIds | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class AssignmentRule(msgspec.Struct, frozen=True, kw_only=True):
    """Who gets new leads; members who have left or do not see the lead's workshop are passed over."""

    id: UUID
    workshop_id: UUID | None
    strategy: Strategy
    member_ids: list[UUID]
    is_active: bool
    created_at: datetime
    updated_at: datetime
    revision: int


class AssignmentRulePosition(msgspec.Struct, frozen=True):
    """After which rule a page goes on."""

    id: UUID
