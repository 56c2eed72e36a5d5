"""`python -m tests.perf.crm`: fill a database, ask at a steady pace, fill it with ten times the organisations, ask again."""

import logging
import sys
import warnings
from time import perf_counter

import asyncpg
import rich_click as click
import structlog
import uvloop
from joserfc.errors import SecurityWarning
from rich.console import Console

from carbot_local.database import connected
from carbot_testing.issuer import Issuer
from carbot_testing.running import Place
from tests.perf import data, report
from tests.perf.crm import live, town
from tests.perf.crm.asked import Asked
from tests.perf.load import drive_closed, drive_open
from tests.perf.report import Row
from tests.perf.stack import Servers, gateway_to, prepared, running, servers
from tests.perf.volume import Volume
from tests.perf.web import until_answered

console = Console(stderr=True, highlight=False)


@click.command()
@click.option("--data", "only_data", is_flag=True, help="Only make the data, and say how long it took.")
@click.option("--seed", default=1, show_default=True)
def main(*, only_data: bool, seed: int) -> None:
    """Measure crm at volume on this machine, on servers of its own."""
    warnings.filterwarnings("ignore", category=SecurityWarning)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    volume = Volume()
    machine = report.describe(volume)
    with servers() as started:
        rows = uvloop.run(measure(started, volume, seed=seed, only_data=only_data))
    if not only_data:
        report.show(rows, machine)
    sys.exit(1 if any(row.errors for row in rows) else 0)


async def measure(started: Servers, volume: Volume, *, seed: int, only_data: bool) -> list[Row]:
    """Return the rows of both towns, the second beside the first."""
    issuer = Issuer()
    async with (
        prepared(started, issuer) as place,
        connected(place.plane.dsn_superuser(place.database)) as connection,
    ):
        await fill(connection, [town.LARGEST, town.OTHERS], seed=seed)
        if only_data:
            return []
        few = await ask(started, place, volume, Asked(issuer, town.OTHERS, seed=seed), "500 organisations")
        await data.forget_events(connection)
        slow = [
            await live.measure_streams(place, connection, issuer),
            await live.measure_visitors(started, place),
            await live.measure_rescoring(place, connection, issuer, seed=seed),
        ]
        await fill(connection, [town.NEWCOMERS], seed=seed)
        many = await ask(started, place, volume, Asked(issuer, town.NEWCOMERS, seed=seed), "5 000 organisations")
    return [*(row for pair in zip(few, _beside(few, many), strict=True) for row in pair), *slow]


async def fill(connection: asyncpg.Connection, quarters: list[town.Quarter], *, seed: int) -> None:
    """Load the quarters, and say how long it took and how much there is."""
    began = perf_counter()
    await town.open_past_months(connection)
    for quarter in quarters:
        await town.load(connection, quarter, seed=seed)
    await town.come_to_rest(connection)
    seconds = perf_counter() - began
    counts = await connection.fetch(
        """
        SELECT relname AS name, reltuples::bigint AS rows
        FROM pg_class
        WHERE relnamespace = 'crm'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND reltuples > 1000
        ORDER BY reltuples DESC
        """
    )
    console.print(f"--seed {seed}: {seconds:.0f} s, " + ", ".join(f"{row['rows']:,} {row['name']}" for row in counts))


async def ask(started: Servers, place: Place, volume: Volume, asked: Asked, size: str) -> list[Row]:
    """Ask each question through the gateway at a steady pace."""
    rows: list[Row] = []
    async with (
        running(place, "crm", "api") as api,
        gateway_to(started, place, {"crm": api.port}) as gateway,
    ):
        for work, (request, aim) in asked.requests().items():
            await until_answered(gateway, request)
            await drive_closed(gateway, request, count=volume.connections, seconds=volume.warm_up_seconds)
            steady = await drive_open(
                gateway,
                request,
                count=volume.connections,
                per_second=volume.requests_per_second,
                seconds=volume.steady_seconds,
            )
            rows.append(
                Row(
                    work,
                    size,
                    per_second=steady.per_second,
                    latencies=steady.latencies,
                    limit=aim,
                    errors=steady.errors,
                )
            )
    return rows


def _beside(few: list[Row], many: list[Row]) -> list[Row]:
    """Return the second rows, each with its p50 as a multiple of the first's."""
    return [
        Row(
            row.work,
            row.through,
            per_second=row.per_second,
            ratio=row.latencies.percentile(50) / first.latencies.percentile(50),
            latencies=row.latencies,
            limit="ratio of p50 ≤ 1.5",
            errors=row.errors,
        )
        for first, row in zip(few, many, strict=True)
        if first.latencies is not None and row.latencies is not None
    ]


if __name__ == "__main__":
    main()
