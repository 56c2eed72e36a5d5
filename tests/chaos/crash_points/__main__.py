"""`python -m tests.chaos.crash_points`: every scenario at every await, in both manners of dying; ends with status 1 at a fault."""

import asyncio
import logging
import sys
from collections.abc import Sequence
from typing import get_args

import asyncpg
import rich_click as click
import structlog
from rich.console import Console
from rich.table import Table

from carbot_testing.data_plane import DataPlane
from carbot_testing.issuer import Issuer
from carbot_testing.plugin import TEMPLATE
from carbot_testing.stage import Stage
from tests.chaos.crash_points.fate import Manner
from tests.chaos.crash_points.harness import exhaust
from tests.chaos.crash_points.lives import listener
from tests.chaos.crash_points.nursery import Nursery
from tests.chaos.crash_points.scenario import Scenario
from tests.chaos.crash_points.scenarios import SCENARIOS
from tests.chaos.own_servers import data_plane

_NAMES = {scenario.__name__: scenario for scenario in SCENARIOS}


@click.command()
@click.option(
    "--scenario", "names", multiple=True, type=click.Choice(list(_NAMES)), help="Only this one; again for more."
)
@click.option("--rounds", default=1, show_default=True, help="So often; what races falls out otherwise each time.")
def main(*, names: Sequence[str], rounds: int) -> None:
    """Let processes die at every await of what crm and compliance do, and look at what the next ones make of it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    scenarios = [_NAMES[name] for name in names] or list(SCENARIOS)
    with data_plane() as plane:
        faults = asyncio.run(run(plane, scenarios * rounds))
    sys.exit(1 if faults else 0)


async def run(plane: DataPlane, scenarios: Sequence[type[Scenario]]) -> int:
    """Go through the scenarios; print what was done; return how many had a fault."""
    table = Table("scenario", "manner", "points", "longest recovery", "seconds", "fault")
    faults, issuer = 0, Issuer()
    async with await issuer.serve() as keys:
        jwks_url = f"http://127.0.0.1:{keys.sockets[0].getsockname()[1]}/jwks"
        async with (
            Stage.open(plane, TEMPLATE, jwks_url, listener(), listener("refuser")) as stage,
            Nursery.open() as nursery,
        ):
            eye = await asyncpg.connect(plane.dsn_superuser(stage.place.database))
            for scenario in scenarios:
                for manner in get_args(Manner.__value__):
                    cells = await _row(nursery, stage, eye, issuer, scenario, manner)
                    table.add_row(scenario.__name__, manner, *cells)
                    faults += bool(cells[-1])
            await eye.close()
    Console().print(table)
    return faults


async def _row(
    nursery: Nursery, stage: Stage, eye: asyncpg.Connection, issuer: Issuer, scenario: type[Scenario], manner: Manner
) -> tuple[str, str, str, str]:
    try:
        tally = await exhaust(nursery, stage.place, lambda: scenario(stage, eye, issuer), manner)
    except AssertionError as fault:
        return "", "", "", str(fault)
    return str(tally.points), f"{tally.longest_recovery:.2f} s", f"{tally.seconds:.0f}", ""


if __name__ == "__main__":
    main()
