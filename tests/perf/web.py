"""Requests: the service alone, through the gateway, and its SQL alone."""

import asyncio
from statistics import median

from carbot_testing.running import Place
from tests.perf import reference
from tests.perf.load import Measured, Request, drive_closed, drive_open
from tests.perf.report import Row
from tests.perf.stack import Servers
from tests.perf.volume import Volume


async def compare(
    servers: Servers,
    place: Place,
    volume: Volume,
    *,
    work: str,
    request: Request,
    script: str,
    ports: dict[str, int],
    limits: dict[str, str],
) -> list[Row]:
    """Measure the request on each of the named ports, beside the script, in turn; return their rows."""
    for port in ports.values():
        await _until_answered(port, request)
        await drive_closed(port, request, count=volume.connections, seconds=volume.warm_up_seconds)
    alone: list[float] = []
    throughputs: dict[str, list[Measured]] = {name: [] for name in ports}
    for _ in range(volume.rounds):
        alone.append(await reference.run(place, script, volume, folder=servers.folder))
        for name, port in ports.items():
            throughputs[name].append(
                await drive_closed(port, request, count=volume.connections, seconds=volume.round_seconds)
            )
    rows = [Row(work, "pgbench, the same SQL", per_second=median(alone))]
    for name, port in ports.items():
        steady = await drive_open(
            port,
            request,
            count=volume.connections,
            per_second=volume.requests_per_second,
            seconds=volume.steady_seconds,
        )
        per_second = median(measured.per_second for measured in throughputs[name])
        rows.append(
            Row(
                work,
                name,
                per_second=per_second,
                ratio=per_second / median(alone),
                latencies=steady.latencies,
                limit=limits.get(name, ""),
                errors=steady.errors + sum(measured.errors for measured in throughputs[name]),
            )
        )
    return rows


async def _until_answered(port: int, request: Request) -> None:
    """Wait until the right answer comes: the gateway has fetched the issuer's keys, the service is ready."""
    async with asyncio.timeout(20):
        while (await drive_closed(port, request, count=1, seconds=0.05)).errors:
            await asyncio.sleep(0.1)
