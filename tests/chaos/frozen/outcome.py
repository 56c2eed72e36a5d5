"""What a scenario came to."""

from collections.abc import Iterable

import msgspec
from rich.console import Console
from rich.table import Table


class Outcome(msgspec.Struct):
    """What was counted, and what should not have been."""

    scenario: str
    counts: dict[str, float] = {}
    faults: list[str] = []

    def blame(self, what: str, of: Iterable[object]) -> None:
        """Note a fault for what is in there, if anything is."""
        found = list(of)
        if found:
            self.faults.append(f"{what}: {len(found)}, such as {found[0]}")


def show(outcomes: list[Outcome]) -> None:
    """Print a table."""
    table = Table("scenario", "counted", "faults")
    for outcome in outcomes:
        counts = "\n".join(f"{name}: {count:,.2f}".removesuffix(".00") for name, count in outcome.counts.items())
        table.add_row(outcome.scenario, counts, "\n".join(outcome.faults) or "none")
        table.add_section()
    Console(width=150, highlight=False).print(table)
