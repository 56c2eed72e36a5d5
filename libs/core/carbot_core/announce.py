"""Announcing: the owner publishes the current state of every row, and so fills a new service or a lost stream."""

from carbot_core import housekeeping, outbox
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.service import Service
from carbot_core.settings import Settings


async def announce(service: Service, settings: Settings, aggregate: str) -> int:
    """Publish the current state of every row of an aggregate under new event ids; return how many."""
    announcer, count = service.announcers[aggregate], 0
    async with Database.connect(settings.database_url, statement_cache=settings.db_statement_cache) as database:
        for organization_id in await housekeeping.list_tenants(database):
            after = None
            while True:
                async with database.transaction(Context(organization_id=organization_id)) as tx:
                    states = await announcer(tx, after, housekeeping.BATCH)
                    for event, version in states:
                        await outbox.add(tx, event, version=version)
                count += len(states)
                if len(states) < housekeeping.BATCH:
                    break
                after = states[-1][0].aggregate_id()
    return count
