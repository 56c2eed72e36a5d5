"""PostgreSQL, PgBouncer and NATS stand still: honest answers in time, and nothing left of it. `python -m tests.chaos.frozen` is longer."""

import pytest

from tests.chaos.frozen.freezing import freeze
from tests.chaos.frozen.scene import Scene

pytestmark = pytest.mark.alone

_SECONDS = 6


class TestFrozen:
    @pytest.mark.parametrize("server", ["primary", "pgbouncer", "nats"])
    async def test_is_borne_and_then_forgotten(self, server: str, scene: Scene) -> None:
        outcome = await freeze(scene, server, _SECONDS, seed=1)
        assert outcome.faults == [], outcome.counts
