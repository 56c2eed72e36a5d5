"""What strikes, whom, when and for how long: drawn from a seed before the storm begins, so that it can come again."""

from random import Random

import msgspec

from carbot_testing.fault_proxy import KINDS

VICTIMS = ("api", "worker", "relay leader", "nats", "pgbouncer", "primary")
NETWORK = "network"
# More blows than must be counted: some find nobody to strike, above all on links where nothing is said for a moment.
_SPARE = 1.2
_SPARE_OF_NETWORK = 1.6
_LONG_SHARE = 0.08


class Blow(msgspec.Struct, frozen=True):
    """Something bad: `choice` says which of several victims, or which link."""

    at: float
    lane: str
    deed: str
    choice: int
    seconds: float

    @property
    def name(self) -> str:
        """The class of fault that it counts for."""
        return f"{self.deed} {self.lane}"


_CLASSES = [(deed, victim) for victim in VICTIMS for deed in ("SIGKILL", "SIGSTOP")] + [
    (kind, NETWORK) for kind in KINDS
]


def classes() -> list[str]:
    """List every class of fault that the schedule draws."""
    return [f"{deed} {victim}" for deed, victim in _CLASSES]


def draw(seed: int, *, seconds: float, each: int) -> dict[str, list[Blow]]:
    """Draw at least so many blows of each class within these seconds, for each lane in its order."""
    dice = Random(seed)
    drawn: dict[str, list[Blow]] = {}
    for lane in (*VICTIMS, NETWORK):
        deeds = [name.removesuffix(f" {lane}") for name in classes() if name.endswith(f" {lane}")] * round(
            each * _SPARE
        )
        dice.shuffle(deeds)
        pace = seconds / len(deeds)
        drawn[lane] = [
            Blow(round((index + dice.random()) * pace, 2), lane, deed, dice.randrange(1000), _duration(dice, deed))
            for index, deed in enumerate(deeds)
        ]
    return drawn


def _duration(dice: Random, deed: str) -> float:
    """Return how long it lasts; a frozen one is sometimes longer away than a leader may be."""
    if deed == "SIGSTOP" and dice.random() < _LONG_SHARE:
        return round(dice.uniform(3.5, 6), 2)
    longest = {"SIGKILL": 0.5, "SIGSTOP": 1.5}.get(deed, 0.8)
    return round(dice.uniform(0.1, longest), 2)
