"""What a storm came to, as tables."""

from rich.console import Console
from rich.table import Table

from tests.chaos.storm.run import Result

_WIDTH = 150


def show(result: Result, seed: int, console: Console | None = None) -> None:
    """Print what struck, what was acknowledged, what was compared, and what does not hold."""
    console = console or Console(width=_WIDTH, highlight=False)
    struck = Table("fault", title=f"seed {seed}")
    for name in ("struck", "in vain, or too late"):
        struck.add_column(name, justify="right")
    for name in sorted(result.struck | result.missed):
        struck.add_row(name, str(result.struck[name]), str(result.missed[name]))
    kills = sum(count for name, count in result.struck.items() if name.startswith("SIGKILL"))
    struck.add_section()
    struck.add_row("kills in all", str(kills), "")
    console.print(struck)
    _counts(console, "clients", {**result.ledger.done, **result.ledger.refused})
    _counts(console, "compared", {**result.findings.compared, "seconds until quiet": round(result.quiet_after)})
    for sentence in result.too_few:
        console.print(f"[bold]too few to say anything:[/] {sentence}")
    for sentence in result.findings.sentences():
        console.print(f"[bold red]broken:[/] {sentence}", markup=True, soft_wrap=True)
    console.print("[bold]everything holds[/]" if result.holds else "[bold red]it does not hold[/]")


def _counts(console: Console, title: str, counts: dict[str, int]) -> None:
    table = Table(title)
    table.add_column("times", justify="right")
    for name, count in counts.items():
        table.add_row(name, f"{count:,}")
    console.print(table)
