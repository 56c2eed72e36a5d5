"""Whose transactions those of a principal are."""

from datetime import UTC, datetime
from typing import Literal

import pytest

from carbot_core.auth.principal import Principal
from carbot_core.context import Context
from carbot_core.ids import new_id


@pytest.mark.parametrize("kind", ["user", "api_key"])
def test_names_itself_its_organisation_and_its_workshops(kind: Literal["user", "api_key"]) -> None:
    principal = Principal(
        kind=kind,
        id=new_id(),
        organization_id=new_id(),
        role="owner",
        scopes=frozenset(),
        workshops=frozenset({new_id()}),
        session_id=None,
        issued_at=datetime.now(UTC),
        expires_at=datetime.now(UTC),
    )
    request_id, trace_id = new_id(), "0af7651916cd43dd8448eb211c80319c"
    assert principal.context(request_id, trace_id) == Context(
        organization_id=principal.organization_id,
        user_id=principal.id if kind == "user" else None,
        workshops=principal.workshops,
        actor=kind,
        actor_id=principal.id,
        request_id=request_id,
        trace_id=trace_id,
    )
