"""The one who asks, as the access token says."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from carbot_core.context import Context


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """A user or an API key, in one organisation."""

    kind: Literal["user", "api_key"]
    id: UUID
    organization_id: UUID
    role: str
    scopes: frozenset[str]
    workshops: frozenset[UUID] | None
    session_id: UUID | None
    issued_at: datetime
    expires_at: datetime
    authenticated_at: datetime | None = None
    """When a user last showed the credentials."""

    def context(self, request_id: UUID | None, trace_id: str | None) -> Context:
        """Return the context of this principal's transactions."""
        return Context(
            organization_id=self.organization_id,
            user_id=self.id if self.kind == "user" else None,
            workshops=self.workshops,
            actor=self.kind,
            actor_id=self.id,
            request_id=request_id,
            trace_id=trace_id,
        )
