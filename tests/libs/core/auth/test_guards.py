"""Guards by themselves: how old a sign-in may be, and what a route's guard says."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from litestar import get
from msgspec.structs import replace

from carbot_core.auth.guards import (
    RECENT,
    Authenticator,
    PeopleOnly,
    RecentSignInRequired,
    guard_of,
    requires,
    scope_of,
)
from carbot_core.auth.principal import Principal
from carbot_core.ids import new_id

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PERSON = Principal(
    kind="user",
    id=new_id(),
    organization_id=new_id(),
    role="owner",
    scopes=frozenset(),
    workshops=None,
    session_id=new_id(),
    issued_at=NOW,
    expires_at=NOW,
    authenticated_at=NOW - RECENT,
)


class TestRecentSignIn:
    def test_is_as_old_as_it_may_be(self) -> None:
        authenticator = Authenticator(cast("Any", None), cast("Any", None), lambda: NOW)
        authenticator.refuse_old(PERSON, timedelta(minutes=5))
        for shown in (NOW - RECENT - timedelta(milliseconds=1), None):
            with pytest.raises(RecentSignInRequired):
                authenticator.refuse_old(replace(PERSON, authenticated_at=shown), RECENT)
        with pytest.raises(PeopleOnly):
            authenticator.refuse_old(replace(PERSON, kind="api_key"), RECENT)


class TestRoute:
    def test_says_which_scope_it_needs_if_any(self) -> None:
        guard = requires("crm.leads:read")

        @get("/", guards=[cast("Any", len), guard])
        async def guarded() -> None: ...

        @get("/")
        async def public() -> None: ...

        assert (guard_of(guarded), scope_of(guarded)) == (guard, "crm.leads:read")
        assert (guard_of(public), scope_of(public)) == (None, None)
        assert (guard.max_age, guard.while_suspended) == (None, False)
