"""What a process refuses in production."""

from carbot_testing.child import Child
from carbot_testing.running import Place


class TestWorker:
    async def test_refuses_a_stream_that_one_broken_disk_would_lose(self, place: Place) -> None:
        async with Child.open(place, "crm", "worker", CARBOT_PROFILE="production") as child:
            assert await child.status() == 2
            complaint = child.complaint()
        assert complaint.count("\n") == 1
        assert "The stream CRM is weaker than CARBOT_PROFILE=production allows (num_replicas >= 3" in complaint
