"""How much, how long and how fast a run measures."""

from typing import Self

import msgspec


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """The full measure, after section 12 of the architecture."""

    organizations: int = 500
    leads: int = 100_000
    largest_share: int = 20
    """What one organisation holds of the leads and gets of the requests, in percent."""
    connections: int = 32
    crowd: int = 500
    """Connections of the mixed load at the gateway."""
    rounds: int = 3
    warm_up_seconds: float = 2
    round_seconds: float = 5
    """Each path has so many rounds, in turn with the others; the median counts."""
    steady_seconds: float = 15
    requests_per_second: int = 100
    backlog: int = 20_000
    events_per_second: int = 500
    events_seconds: float = 20

    @classmethod
    def quick(cls) -> Self:
        """Return about a twentieth: to see that it works, not to quote."""
        return cls(
            organizations=25,
            leads=5_000,
            crowd=100,
            rounds=1,
            warm_up_seconds=0.5,
            round_seconds=1,
            steady_seconds=1,
            backlog=1_000,
            events_seconds=1,
        )
