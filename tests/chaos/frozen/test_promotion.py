"""The replica is promoted: nothing acknowledged is lost, nothing is written to the old primary, nothing is restarted."""

from collections.abc import Iterator

import pytest

from tests.chaos.frozen.promotion import promote
from tests.chaos.frozen.scene import on_stage
from tests.perf.stack import Servers, servers

pytestmark = pytest.mark.alone


@pytest.fixture
def parted() -> Iterator[Servers]:
    """Servers of this test alone: nobody joins them again."""
    with servers() as started:
        yield started


class TestPromotion:
    async def test_loses_nothing_and_needs_no_restart(self, parted: Servers) -> None:
        async with on_stage(parted) as scene:
            outcome = await promote(scene, seed=1)
        assert outcome.faults == [], outcome.counts
