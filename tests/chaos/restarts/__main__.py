"""`python -m tests.chaos.restarts`: restart every process under load, as often as asked; print what was counted."""

import asyncio
import logging
import random
import sys
import warnings

import rich_click as click
import structlog
from joserfc.errors import SecurityWarning

from tests.chaos.frozen.outcome import Outcome, show
from tests.chaos.restarts.instances import at_sea
from tests.chaos.restarts.rolling import Pace, roll
from tests.perf.stack import Servers, servers


@click.command()
@click.option("--rounds", default=5, show_default=True, help="How often every process is restarted.")
@click.option("--requests", default=200.0, show_default=True, help="Requests a second.")
@click.option("--events", default=200.0, show_default=True, help="Events a second.")
@click.option("--seed", type=int, help="To have the same requests again.")
def main(*, rounds: int, requests: float, events: float, seed: int | None) -> None:
    """Restart every api and worker of tenancy and crm behind the gateway."""
    warnings.filterwarnings("ignore", category=SecurityWarning)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    click.echo(f"--seed {seed}")
    with servers() as started:
        outcome = asyncio.run(_roll(started, Pace(requests, events, rounds, seed)))
    show([outcome])
    sys.exit(1 if outcome.faults else 0)


async def _roll(started: Servers, pace: Pace) -> Outcome:
    async with at_sea(started) as fleet:
        return await roll(fleet, pace)


if __name__ == "__main__":
    main()
