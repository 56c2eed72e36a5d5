"""The storm in short: a minute of it, in which each class of fault must have struck once, and the same judgement."""

import asyncio
import random

import pytest
from rich.console import Console

from tests.chaos.storm import report
from tests.chaos.storm.run import Size, storm
from tests.chaos.storm.stack import servers

pytestmark = pytest.mark.alone

SIZE = Size(seconds=45, each=2, least=1, latest_seconds=240)


def test_nothing_acknowledged_is_lost_or_done_twice() -> None:
    seed = random.randrange(2**32)
    # pytest shows it only when the test fails.
    console = Console(width=150, highlight=False)
    console.print(f"python -m tests.chaos.storm --seed {seed} --minutes 0.75 --each 2")
    with servers() as started:
        result = asyncio.run(storm(started, seed, SIZE, console.print))
    report.show(result, seed, console)
    assert result.holds
