"""An owner of an organisation, on a database with nobody else's writes."""

from collections.abc import AsyncGenerator

import msgspec
import pytest
import pytest_asyncio

pytest.register_assert_rewrite("tests.chaos.read_your_writes.pairs")

from carbot_core.db import Database  # noqa: E402 - after the rewriting, which must know of it before
from carbot_testing.issuer import Issuer  # noqa: E402
from carbot_testing.plugin import FreshDatabase  # noqa: E402
from carbot_testing.running import Place  # noqa: E402
from carbot_testing.world import World  # noqa: E402
from tests.chaos.read_your_writes.pairs import Pairs, owner_of  # noqa: E402


@pytest_asyncio.fixture
async def pairs(place: Place, fresh_database: FreshDatabase, issuer: Issuer) -> AsyncGenerator[Pairs]:
    own = msgspec.structs.replace(place, database=await fresh_database())
    async with Database.connect(own.plane.dsn(own.database, "crm_worker")) as worker:
        organization = await World({"crm": worker}).organization()
    async with owner_of(own, organization, issuer) as owner:
        yield Pairs(owner, organization)
