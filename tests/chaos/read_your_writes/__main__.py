"""`python -m tests.chaos.read_your_writes`: many pairs behind and beside a replica; ends with status 1 if one was stale."""

import logging
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import rich_click as click
import structlog
import uvloop
from rich.console import Console
from rich.table import Table

from carbot_core.db import Database
from carbot_testing.data_plane import DataPlane, NatsServer
from carbot_testing.issuer import Issuer
from carbot_testing.world import World
from tests.chaos.own_servers import place_on, servers
from tests.chaos.read_your_writes.pairs import Pairs, owner_of, replica_behind


@click.command()
@click.option("--pairs", default=2_000, show_default=True, type=click.IntRange(min=1))
@click.option("--behind", default=10, show_default=True, help="By how many seconds the replica is late.")
def main(*, pairs: int, behind: int) -> None:
    """Write and read, first with a replica that is late, then with one that keeps up."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with servers() as (plane, nats):
        late, prompt = uvloop.run(measure(plane, nats, pairs, behind))
    table = Table("replica", "answered by the replica", "by the primary", "refused", "stale")
    for name, each in ((f"{behind} s late", late), ("prompt", prompt)):
        counts = [each.counts[kind] for kind in ("replica", "primary", "refused")]
        table.add_row(name, *map(str, counts), str(len(each.stale)))
    Console().print(table)
    proves_little = late.counts["primary"] < pairs * 0.9 or prompt.counts["replica"] < pairs / 4
    sys.exit(1 if late.stale or prompt.stale or proves_little else 0)


async def measure(plane: DataPlane, nats: NatsServer, pairs: int, behind: int) -> tuple[Pairs, Pairs]:
    """Return what was counted with a late replica and with a prompt one."""
    async with owned(plane, nats) as (late, prompt):
        await plane.wait_for_replica()
        async with replica_behind(plane, behind):
            await late.run(pairs)
        await prompt.run(pairs, pause=0.02)
        return late, prompt


@asynccontextmanager
async def owned(plane: DataPlane, nats: NatsServer) -> AsyncGenerator[tuple[Pairs, Pairs]]:
    """Yield two counts of the same owner's pairs."""
    issuer = Issuer()
    async with place_on(plane, nats, issuer) as place:
        async with Database.connect(plane.dsn(place.database, "crm_worker")) as worker:
            organization = await World({"crm": worker}).organization()
        async with owner_of(place, organization, issuer) as owner:
            yield Pairs(owner, organization), Pairs(owner, organization)


if __name__ == "__main__":
    main()
