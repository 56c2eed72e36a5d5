"""`python -m tests.chaos.frozen`: freeze each server for twenty seconds, and again if asked; print what was counted."""

import asyncio
import logging
import random
import sys
import warnings

import rich_click as click
import structlog
from joserfc.errors import SecurityWarning

from tests.chaos.frozen.freezing import freeze
from tests.chaos.frozen.outcome import Outcome, show
from tests.chaos.frozen.scene import on_stage
from tests.perf.stack import Servers, servers

SERVERS: tuple[str, ...] = ("primary", "pgbouncer", "nats")


@click.command()
@click.option("--seconds", default=20.0, show_default=True, help="How long each server stands still.")
@click.option("--rounds", default=1, show_default=True, help="How often each server is frozen.")
@click.option("--server", "only", type=click.Choice(SERVERS), help="Only this one.")
@click.option("--seed", type=int, help="To have the same requests again.")
def main(*, seconds: float, rounds: int, only: str | None, seed: int | None) -> None:
    """Freeze PostgreSQL, PgBouncer and NATS under traffic."""
    warnings.filterwarnings("ignore", category=SecurityWarning)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    click.echo(f"--seed {seed}")
    with servers() as started:
        outcomes = asyncio.run(_freeze(started, [only] * rounds if only else [*SERVERS] * rounds, seconds, seed))
    show(outcomes)
    sys.exit(1 if any(outcome.faults for outcome in outcomes) else 0)


async def _freeze(started: Servers, names: list[str], seconds: float, seed: int) -> list[Outcome]:
    async with on_stage(started) as scene:
        return [await freeze(scene, name, seconds, seed + index) for index, name in enumerate(names)]


if __name__ == "__main__":
    main()
