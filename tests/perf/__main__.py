"""`python -m tests.perf`: measure, print one table, end with status 1 if anything went wrong on the way."""

import logging
import sys
import warnings
from functools import partial

import asyncpg
import msgspec
import rich_click as click
import structlog
import uvloop
from joserfc.errors import SecurityWarning
from rich.console import Console
from rich.status import Status

from carbot_local.database import connected
from carbot_testing.issuer import Issuer
from carbot_testing.running import Place
from tests.perf import data, events, reference, report, web
from tests.perf.requests import READS, Askers
from tests.perf.stack import Servers, gateway_to, peer, prepared, running, servers
from tests.perf.volume import Volume
from tests.perf.web import Path

SERVICE, GATEWAY, PEER = "the service", "the gateway", "the peer (FastAPI)"
_OWN, _BEHIND = ("service", "postgres", "pooler"), ("gateway", "service", "postgres", "pooler")


@click.command()
@click.option("--quick", is_flag=True, help="A twentieth of the data and time: to see that it works, not to quote.")
def main(*, quick: bool) -> None:
    """Measure CarBot on this machine, on servers of its own."""
    # EdDSA is the name that Envoy 1.40 knows.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    volume = Volume.quick() if quick else Volume()
    machine = report.describe(volume)
    with servers() as started:
        rows = uvloop.run(measure(started, volume))
    report.show(rows, machine)
    sys.exit(1 if any(row.errors for row in rows) else 0)


async def measure(started: Servers, volume: Volume) -> list[report.Row]:
    """Measure everything, one after the other."""
    issuer = Issuer()
    with Console(stderr=True).status("Loading") as status:
        async with (
            prepared(started, issuer) as place,
            connected(place.plane.dsn_superuser(place.database)) as connection,
        ):
            await data.load(connection, volume)
            rows = await measure_requests(started, place, volume, Askers(issuer, volume), connection, status)
            status.update("Carrying what the audit recorded")
            rows += await events.measure_audit(place, connection)
            await data.forget_events(connection)
            status.update("Carrying a backlog of events")
            rows += await events.measure_backlog(place, connection, volume)
            await data.forget_events(connection)
            status.update("Timing events")
            relay, consumer = rows[-2].per_second, rows[-1].per_second
            return [
                *rows,
                *await events.measure_delays(
                    place, connection, volume, relay_per_second=relay, consumer_per_second=consumer
                ),
            ]


async def measure_requests(
    started: Servers, place: Place, volume: Volume, askers: Askers, connection: asyncpg.Connection, status: Status
) -> list[report.Row]:
    """Measure requests on every path; what was created is left for the audit's pipeline."""
    rows: list[report.Row] = []
    async with (
        running(place, "crm", "api") as api,
        gateway_to(started, place, {"crm": api.port}) as gateway,
        peer(started, place) as other,
    ):
        started.pids["service"] = api.pid
        service = Path(api.port, _OWN, "≥ 0.5 × pgbench, ≥ 4 × the peer")
        behind = Path(gateway, _BEHIND, "p99 ≤ 30 ms")
        paths = {SERVICE: service, GATEWAY: behind, PEER: Path(other, ("peer", "postgres", "pooler"))}
        works = {
            f"list {reference.PAGE} leads": (askers.list_leads(), reference.record_list),
            "create a lead": (askers.create_lead(), reference.record_creation),
        }
        for work, (request, record) in works.items():
            status.update(work)
            rows += await web.compare(
                started, place, volume, work=work, request=request, script=await record(place), paths=paths
            )
        status.update("A crowd at the gateway")
        crowded = Path(gateway, _BEHIND, "≥ 700, ≥ 1 000 with PgBouncer ≥ 1.21")
        work = f"mixed, {READS} % lists, {volume.crowd} connections"
        rows.append(await web.crowd(started, volume, crowded, askers.mixed(), work=work, through=GATEWAY))
        status.update("With and without the audit")
        rows += await web.without(
            started,
            volume,
            msgspec.structs.replace(service, limit="≥ 0.85"),
            askers.create_lead(),
            partial(data.switch_audit, connection),
            work="create a lead, audit triggers",
        )
    return rows


if __name__ == "__main__":
    main()
