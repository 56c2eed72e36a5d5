"""`python -m tests.perf.overload`: three times as many requests as can be done, and what becomes of those that can."""

import asyncio
import logging
import sys
import warnings
from collections import Counter
from time import perf_counter

import httpx
import msgspec
import psutil
import rich_click as click
import structlog
import uvloop
from joserfc.errors import SecurityWarning
from rich.console import Console
from rich.table import Table

from carbot_local.database import connected
from carbot_testing.issuer import Issuer
from tests.perf import data, report
from tests.perf.connection import Connection, connections
from tests.perf.load import Latencies, Request, arrivals, drive_closed, drive_open, follow
from tests.perf.requests import Askers
from tests.perf.stack import Servers, gateway_to, prepared, running, servers
from tests.perf.volume import Volume

_TIMES = 3
_CONNECTIONS = 1000
_PROBE_SECONDS = 0.1
_NORMAL_AFTER_SECONDS = 10
_NORMAL_PER_SECOND = 20
_REFUSED_MILLISECONDS = 1500
_DONE_MILLISECONDS = 3000
_REFUSED = frozenset({429, 503})


class Overload(msgspec.Struct):
    """What became of the requests through one way."""

    way: str
    capacity: float
    done: Latencies
    refused: Latencies
    statuses: Counter[int]
    health: Latencies
    seconds: float
    after: Latencies
    own_share: float
    """Of one core, what the load generator took."""

    @property
    def goodput(self) -> float:
        return self.statuses[200] / self.seconds / self.capacity

    def faults(self) -> list[str]:
        """Return what is not as it should be."""
        other = {status: count for status, count in self.statuses.items() if status != 200 and status not in _REFUSED}
        promised = {
            f"goodput {self.goodput:.2f} < 0.90": self.goodput >= 0.9,
            f"other answers: {other}": not other,
            f"refused after {self.refused.percentile(99):.0f} ms": self.refused.percentile(99) <= _REFUSED_MILLISECONDS,
            f"done after {self.done.percentile(99):.0f} ms": self.done.percentile(99) <= _DONE_MILLISECONDS,
            "nothing was refused": bool(self.statuses.keys() & _REFUSED),
            f"health p100 {self.health.percentile(100):.0f} ms": self.health.percentile(100) <= 100,
            f"p99 {self.after.percentile(99):.0f} ms ten seconds later": self.after.percentile(99) <= 100,
        }
        return [fault for fault, holds in promised.items() if not holds]


async def overload(way: str, port: int, health: int, request: Request, *, seconds: float) -> Overload:
    """Find what can be done, then ask for three times as much."""
    await drive_closed(port, request, count=32, seconds=2)
    capacity = (await drive_closed(port, request, count=32, seconds=max(5, seconds / 6))).per_second
    found = Overload(way, capacity, Latencies(), Latencies(), Counter(), Latencies(), seconds, Latencies(), 0)
    over = asyncio.Event()
    probing = asyncio.create_task(_probe(health, found.health, over))
    before, began = sum(psutil.Process().cpu_times()[:2]), perf_counter()
    await _flood(port, request, found)
    found.own_share = (sum(psutil.Process().cpu_times()[:2]) - before) / (perf_counter() - began)
    over.set()
    await probing
    await asyncio.sleep(_NORMAL_AFTER_SECONDS)
    calm = await drive_open(port, request, count=32, per_second=_NORMAL_PER_SECOND, seconds=5)
    found.after = calm.latencies
    return found


async def _flood(port: int, request: Request, found: Overload) -> None:
    async with connections(port, _CONNECTIONS) as opened:
        idle = asyncio.Queue[Connection]()
        for connection in opened:
            idle.put_nowait(connection)

        async def ask(intended: float) -> None:
            connection = await idle.get()
            status = await connection.ask(request.make())
            idle.put_nowait(connection)
            found.statuses[status] += 1
            (found.done if status in request.right else found.refused).record(perf_counter() - intended)

        await follow(arrivals(_TIMES * found.capacity, found.seconds), ask)


async def _probe(port: int, latencies: Latencies, over: asyncio.Event) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=5, trust_env=False) as client:
        while not over.is_set():
            for path in ("/health/live", "/health/ready"):
                began = perf_counter()
                (await client.get(path)).raise_for_status()
                latencies.record(perf_counter() - began)
            await asyncio.sleep(_PROBE_SECONDS)


async def measure(started: Servers, seconds: float) -> list[Overload]:
    """Flood crm directly, then through the gateway."""
    issuer, volume = Issuer(), Volume(organizations=25, leads=5_000)
    async with prepared(started, issuer) as place, connected(place.plane.dsn_superuser(place.database)) as connection:
        await data.load(connection, volume)
        request = Askers(issuer, volume).list_leads()
        async with running(place, "crm", "api") as api, gateway_to(started, place, {"crm": api.port}) as port:
            await asyncio.sleep(2)
            return [
                await overload(way, each, api.port, request, seconds=seconds)
                for way, each in (("the service", api.port), ("the gateway", port))
            ]


def show(found: list[Overload]) -> None:
    """Print the table."""
    table = Table("through", "capacity/s", "goodput", "done p50, p99 ms", "refused p99 ms", "statuses", "health ms")
    table.add_column("10 s after, p99 ms")
    table.add_column("generator, cores")
    table.add_column("faults")
    for each in found:
        table.add_row(
            each.way,
            f"{each.capacity:,.0f}",
            f"{each.goodput:.2f}",
            f"{each.done.percentile(50):.0f}, {each.done.percentile(99):.0f}",
            f"{each.refused.percentile(99):.0f}",
            str(dict(each.statuses)),
            f"{each.health.percentile(100):.0f}",
            f"{each.after.percentile(99):.0f}",
            f"{each.own_share:.2f}",
            "\n".join(each.faults()) or "none",
        )
    Console(width=180, highlight=False).print(table)


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="How long it is too much.")
def main(*, seconds: float) -> None:
    """Ask crm for three times what it can do."""
    warnings.filterwarnings("ignore", category=SecurityWarning)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    machine = report.describe(Volume())
    with servers() as started:
        found = uvloop.run(measure(started, seconds))
    click.echo(machine)
    show(found)
    sys.exit(1 if any(each.faults() for each in found) else 0)


if __name__ == "__main__":
    main()
