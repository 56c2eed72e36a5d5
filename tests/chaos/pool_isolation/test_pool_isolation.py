"""Whatever is broken off or killed on two shared connections, no organisation sees or writes a row of another."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from carbot_testing.issuer import Issuer
from carbot_testing.plugin import FreshDatabase
from carbot_testing.running import Place
from tests.chaos.pool_isolation.run import POOL, stormy

REQUESTS = 20_000


class TestFiftyOrganizationsOnTwoConnections:
    async def test_never_meet(
        self, place: Place, fresh_database: FreshDatabase, issuer: Issuer, eventually: Callable[..., Awaitable[Any]]
    ) -> None:
        own = msgspec.structs.replace(place, database=await fresh_database(pool=POOL))
        async with stormy(own, issuer, seed=1, requests=REQUESTS) as (run, ways):
            await run.drive(ways)
            assert run.faults[:20] == []
            assert run.invalid() == [], run.counts
            await eventually(run.at_rest, within=10)
