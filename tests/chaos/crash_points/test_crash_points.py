"""Whoever dies at whichever await: nothing is lost, nothing halved, nothing doubled, and nobody has to wait for the dead."""

import asyncpg
import pytest

from carbot_testing.issuer import Issuer
from carbot_testing.stage import Stage
from tests.chaos.crash_points.harness import exhaust
from tests.chaos.crash_points.nursery import Nursery
from tests.chaos.crash_points.scenario import Scenario
from tests.chaos.crash_points.scenarios import SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_dies_at_every_await(
    scenario: type[Scenario], nursery: Nursery, stage: Stage, eye: asyncpg.Connection, issuer: Issuer
) -> None:
    await exhaust(nursery, stage.place, lambda: scenario(stage, eye, issuer), "answered")
