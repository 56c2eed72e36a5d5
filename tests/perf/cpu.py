"""What a load costs: the processor time of each process, which says more than a rate on a machine that all share."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

_TICKS = os.sysconf("SC_CLK_TCK")
_USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM = 11, 12, 13, 14
"""Places in /proc/<pid>/stat after the name, see proc(5)."""


class Spent(msgspec.Struct, frozen=True):
    """Seconds of processor time since the programs began, by name."""

    seconds: Mapping[str, float]

    def since(self, before: "Spent", times: float) -> dict[str, float]:
        """Return the microseconds that each program spent for one of so many requests."""
        return {name: (now - before.seconds[name]) / times * 1e6 for name, now in self.seconds.items()}


def spent(pids: Mapping[str, int]) -> Spent:
    """Return what these programs have spent, each with the processes it started."""
    return Spent({name: sum(_own(each) for each in _tree(pid)) for name, pid in pids.items()})


def _own(pid: int) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(stat[place]) for place in (_USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM)) / _TICKS


def _tree(pid: int) -> list[int]:
    found = [pid]
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [each for child in (task / "children").read_text().split() for each in _tree(int(child))]
    except OSError:
        pass  # it has just ended: what it spent is its parent's now
    return found
