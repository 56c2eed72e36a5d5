"""Every process is restarted under load, and no client notices. `python -m tests.chaos.restarts` does it five times and faster."""

from collections.abc import Iterator

import pytest

from tests.chaos.restarts.instances import at_sea
from tests.chaos.restarts.rolling import Pace, roll
from tests.perf.stack import Servers, servers

pytestmark = pytest.mark.alone


@pytest.fixture
def harbour() -> Iterator[Servers]:
    """PostgreSQL, PgBouncer and NATS."""
    with servers() as started:
        yield started


class TestRollingRestart:
    async def test_is_noticed_by_nobody(self, harbour: Servers) -> None:
        async with at_sea(harbour) as fleet:
            outcome = await roll(fleet, Pace(requests_per_second=30, events_per_second=30, rounds=1, seed=1))
        assert outcome.faults == [], outcome.counts
