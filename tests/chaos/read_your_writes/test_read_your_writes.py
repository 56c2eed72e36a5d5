"""A replica that is ten seconds behind, and one that keeps up: neither ever shows a writer less than it wrote."""

from carbot_testing.data_plane import DataPlane
from tests.chaos.read_your_writes.pairs import Pairs, replica_behind

PAIRS = 2_000
BEHIND_SECONDS = 10


class TestReplicaTenSecondsBehind:
    async def test_shows_a_writer_nothing_stale(self, pairs: Pairs, plane: DataPlane) -> None:
        lead_id, before = await pairs.create()
        await plane.wait_for_replica()
        async with replica_behind(plane, BEHIND_SECONDS):
            await pairs.change(lead_id, 1)
            assert await pairs.read(lead_id, before) == (True, 50), "the replica is not behind: the run proves nothing"
            await pairs.run(PAIRS)
        assert pairs.stale == []
        assert pairs.counts["replica"] + pairs.counts["primary"] == PAIRS
        assert pairs.counts["primary"] > PAIRS * 0.9, "a replica that is ten seconds behind had seen the writes"

    async def test_is_not_asked_by_who_shows_no_position_or_one_from_the_future(
        self, pairs: Pairs, plane: DataPlane
    ) -> None:
        lead_id, _ = await pairs.create()
        await plane.wait_for_replica()
        async with replica_behind(plane, BEHIND_SECONDS):
            await pairs.change(lead_id, 1)
            for token in (None, "", "nonsense", "FFFFFFFF/FFFFFFFF"):
                assert await pairs.read(lead_id, token) == (False, 1)


class TestReplicaThatKeepsUp:
    async def test_answers_a_share_and_shows_nothing_stale(self, pairs: Pairs) -> None:
        await pairs.run(PAIRS // 2)
        await pairs.run(PAIRS // 2, pause=0.02)
        assert pairs.stale == []
        assert pairs.counts["replica"] > PAIRS / 4, "the primary answered nearly everything: the run proves little"

    async def test_catches_up_with_a_writer_who_waits(self, pairs: Pairs, plane: DataPlane) -> None:
        lead_id, token = await pairs.create()
        await plane.wait_for_replica()
        assert await pairs.read(lead_id, token) == (True, 50)
