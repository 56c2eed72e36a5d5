"""Requests: the service alone, through the gateway, its SQL alone, and the peer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from statistics import median

import msgspec

from carbot_testing.running import Place
from tests.perf import cpu, reference
from tests.perf.load import Latencies, Measured, Request, drive_closed, drive_open
from tests.perf.report import Row
from tests.perf.stack import Servers
from tests.perf.volume import Volume

POOLED = "pgbench, the same SQL"
_DIRECT = "pgbench without the pooler"


class Path(msgspec.Struct, frozen=True):
    """A way to get the same work done, and what it must reach."""

    port: int
    programs: tuple[str, ...]
    """Whose processor time it takes, by their names in Servers.pids."""
    limit: str = ""


async def compare(
    servers: Servers,
    place: Place,
    volume: Volume,
    *,
    work: str,
    request: Request,
    script: str,
    paths: Mapping[str, Path],
) -> list[Row]:
    """Measure the request on each path, beside the script, in turn; return their rows."""
    for path in paths.values():
        await until_answered(path.port, request)
        await drive_closed(path.port, request, count=volume.connections, seconds=volume.warm_up_seconds)
    alone = {
        POOLED: place.plane.dsn(place.database, "crm_api"),
        _DIRECT: place.plane.dsn_direct(place.database, "crm_api"),
    }
    rates: dict[str, list[float]] = {name: [] for name in alone}
    rounds: dict[str, list[tuple[Measured, dict[str, float]]]] = {name: [] for name in paths}
    for _ in range(volume.rounds):
        for name, dsn in alone.items():
            rates[name].append(await reference.run(script, volume, dsn=dsn, folder=servers.folder))
        for name, path in paths.items():
            rounds[name].append(await _round(servers, volume, path, request, volume.connections))
    pooled = median(rates[POOLED])
    rows = [Row(work, name, per_second=median(each), ratio=median(each) / pooled) for name, each in rates.items()]
    for name, path in paths.items():
        steady = await drive_open(
            path.port,
            request,
            count=volume.connections,
            per_second=volume.requests_per_second,
            seconds=volume.steady_seconds,
        )
        rows.append(_row(work, name, path.limit, rounds[name], pooled, steady.latencies, errors=steady.errors))
    return rows


async def crowd(servers: Servers, volume: Volume, path: Path, request: Request, *, work: str, through: str) -> Row:
    """Measure how much a crowd of connections gets."""
    await drive_closed(path.port, request, count=volume.crowd, seconds=volume.warm_up_seconds)
    rounds = [await _round(servers, volume, path, request, volume.crowd) for _ in range(volume.rounds)]
    return _row(work, through, path.limit, rounds, None, rounds[0][0].latencies)


async def without(
    servers: Servers,
    volume: Volume,
    path: Path,
    request: Request,
    switch: Callable[[bool], Awaitable[None]],
    *,
    work: str,
) -> list[Row]:
    """Measure the request with something and without it, in turn; `switch` turns it on and off."""
    rounds: dict[bool, list[tuple[Measured, dict[str, float]]]] = {True: [], False: []}
    for _ in range(2 * volume.rounds):
        for on in (False, True):
            await switch(on)
            rounds[on].append(await _round(servers, volume, path, request, volume.connections))
    off = median(measured.per_second for measured, _ in rounds[False])
    return [
        _row(work, "without", "", rounds[False], off),
        _row(work, "with", path.limit, rounds[True], off),
    ]


async def until_answered(port: int, request: Request) -> None:
    """Wait until the right answer comes: the gateway has fetched the issuer's keys, the service is ready."""
    async with asyncio.timeout(20):
        while (await drive_closed(port, request, count=1, seconds=0.05)).errors:
            await asyncio.sleep(0.1)


async def _round(
    servers: Servers, volume: Volume, path: Path, request: Request, count: int
) -> tuple[Measured, dict[str, float]]:
    pids = {name: servers.pids[name] for name in path.programs}
    before = cpu.spent(pids)
    measured = await drive_closed(path.port, request, count=count, seconds=volume.round_seconds)
    return measured, cpu.spent(pids).since(before, max(measured.per_second * volume.round_seconds, 1))


def _row(
    work: str,
    through: str,
    limit: str,
    rounds: list[tuple[Measured, dict[str, float]]],
    of: float | None,
    latencies: Latencies | None = None,
    *,
    errors: int = 0,
) -> Row:
    rate = median(measured.per_second for measured, _ in rounds)
    spent = {name: median(each[name] for _, each in rounds) for name in rounds[0][1]}
    return Row(
        work,
        through,
        per_second=rate,
        ratio=None if of is None else rate / of,
        latencies=latencies,
        cpu=" ".join(f"{name} {microseconds:.0f}" for name, microseconds in spent.items()),
        limit=limit,
        errors=errors + sum(measured.errors for measured, _ in rounds),
    )
