"""`python -m tests.chaos.storm`: let it blow for long; end with status 1 if anything does not hold or too little struck."""

import asyncio
import logging
import random
import sys
import warnings

import rich_click as click
import structlog
from joserfc.errors import SecurityWarning
from rich.console import Console

from tests.chaos.storm import report
from tests.chaos.storm.run import Size, storm
from tests.chaos.storm.stack import servers


@click.command()
@click.option("--seed", type=int, help="Draw the same storm again; without it, one that never was.")
@click.option("--minutes", type=float, default=24, show_default=True, help="How long it blows.")
@click.option("--each", type=int, default=100, show_default=True, help="How often each class of fault must strike.")
def main(*, seed: int | None, minutes: float, each: int) -> None:
    """Kill, freeze and cut off everything while clients write, on servers of its own; then compare."""
    # EdDSA is the name that Envoy 1.40 knows.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    # Asyncio tells of each connection that the storm broke.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    seed = random.randrange(2**32) if seed is None else seed
    console = Console(width=150, highlight=False)
    console.print(f"make chaos SEED={seed}  ({minutes:g} minutes, each class at least {each} times)")
    with servers() as started:
        size = Size(seconds=minutes * 60, each=each, least=each, latest_seconds=minutes * 90)
        result = asyncio.run(storm(started, seed, size, console.print))
    report.show(result, seed, console)
    sys.exit(0 if result.holds else 1)


if __name__ == "__main__":
    main()
