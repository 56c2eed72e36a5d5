"""`python -m tests.chaos.pool_isolation`: many requests; ends with status 1 if a foreign row was seen or the run proves nothing."""

import sys
from time import perf_counter

import rich_click as click
import uvloop
from rich.console import Console
from rich.table import Table

from carbot_testing.issuer import Issuer
from tests.chaos.own_servers import place_on, servers
from tests.chaos.pool_isolation.run import POOL, Run, stormy


@click.command()
@click.option("--requests", default=1_000_000, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=1, show_default=True)
def main(*, requests: int, seed: int) -> None:
    """Let fifty organisations share two server connections while requests are broken off and backends killed."""
    started = perf_counter()
    with servers() as (plane, nats):

        async def storm() -> Run:
            issuer = Issuer()
            async with (
                place_on(plane, nats, issuer, pool=POOL) as place,
                stormy(place, issuer, seed=seed, requests=requests) as (run, ways),
            ):
                await run.drive(ways)
                return run

        run = uvloop.run(storm())
    table = Table("what", "how often", title=f"--requests {requests} --seed {seed}, {perf_counter() - started:.0f} s")
    for what, count in sorted(run.counts.items()):
        table.add_row(what, str(count))
    table.add_row("faults", str(len(run.faults)))
    console = Console()
    console.print(table)
    for complaint in (*run.faults[:20], *run.invalid()):
        console.print(complaint, markup=False)
    sys.exit(1 if run.faults or run.invalid() else 0)


if __name__ == "__main__":
    main()
