"""Several events at once: as each by itself."""

from uuid import UUID

from carbot_core import outbox
from carbot_core.context import Context
from carbot_testing.stage import Stage, lead_changed


class TestAddAll:
    async def test_announces_each_with_its_version_in_the_order_given(self, stage: Stage) -> None:
        organization = await stage.organization()
        leads = [await stage.lead(organization) for _ in range(3)]
        relay = stage.relay()
        while await relay.carry():
            pass
        events = [(lead_changed(lead, organization.workshops[0]), version) for lead in leads for version in (2, 3)]
        async with stage.api_database.transaction(Context(organization_id=organization.id)) as tx:
            await outbox.add_all(tx, events)
            assert tx.leaves_work
        assert await relay.carry() == len(events)
        assert [
            (UUID(headers["aggregate"]), int(headers["aggregate-version"]))
            for message in await stage.published()
            if (headers := message.headers or {})["organization"] == str(organization.id)
        ][-len(events) :] == [(event.aggregate_id(), version) for event, version in events]

    async def test_of_nothing_leaves_no_work(self, stage: Stage) -> None:
        organization = await stage.organization()
        async with stage.api_database.transaction(Context(organization_id=organization.id)) as tx:
            await outbox.add_all(tx, [])
            assert not tx.leaves_work
