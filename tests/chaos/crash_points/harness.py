"""From the first suspension to the last: at each a life ends, another takes over, and the oracle looks."""

from collections.abc import Callable
from time import perf_counter

import msgspec

from carbot_testing.running import Place
from tests.chaos.crash_points.fate import Manner
from tests.chaos.crash_points.nursery import Birth, Nursery
from tests.chaos.crash_points.scenario import Scenario

_MOST_POINTS = 300
RECOVERY_SECONDS = 10.0


class Tally(msgspec.Struct):
    """What was gone through."""

    name: str
    manner: Manner
    points: int = 0
    seconds: float = 0
    longest_recovery: float = 0
    """From the birth of the one that took over until everything was in order."""


async def exhaust(nursery: Nursery, place: Place, make: Callable[[], Scenario], manner: Manner) -> Tally:
    """Die at every point until a life goes through; raise AssertionError where something does not hold."""
    started = perf_counter()
    tally = Tally(type(make()).__name__, manner)
    while tally.points < _MOST_POINTS:
        scenario = make()
        died, recovery = await _die_and_recover(nursery, place, scenario, tally.points, manner)
        tally.longest_recovery = max(tally.longest_recovery, recovery)
        if not died:
            assert tally.points >= scenario.fewest_points, f"{tally.name} has only {tally.points} points"
            tally.seconds = perf_counter() - started
            return tally
        tally.points += 1
    raise AssertionError(f"{tally.name} does not end")


async def _die_and_recover(
    nursery: Nursery, place: Place, scenario: Scenario, point: int, manner: Manner
) -> tuple[bool, float]:
    """Return whether the life ended at the point, and how long it took to put things in order."""
    where = f"{type(scenario).__name__}, {manner} at suspension {point}"
    arguments = await scenario.prepare()
    settled = scenario.settled if scenario.settles else None
    birth = Birth(
        work=scenario.work,
        environment=place.environment(scenario.service, scenario.process),
        arguments=arguments,
        point=point,
        manner=manner,
    )
    heir = msgspec.structs.replace(birth, point=None, arguments={**arguments, "ahead": scenario.later})
    try:
        outcome = await nursery.live(birth, settled)
        await scenario.judge_remains(outcome)
        started = perf_counter()
        recovery = await nursery.live(heir, settled)
        seconds = perf_counter() - started
        await scenario.judge(outcome, recovery)
    except (AssertionError, TimeoutError) as fault:
        raise AssertionError(f"{where}: {fault!r}") from fault
    assert seconds < RECOVERY_SECONDS, f"{where}: something kept the next one waiting for {seconds:.1f} s"
    return outcome.died, seconds
