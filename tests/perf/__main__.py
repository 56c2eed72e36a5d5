"""`python -m tests.perf`: measure, print one table, end with status 1 if anything went wrong on the way."""

import logging
import sys
import warnings

import rich_click as click
import structlog
import uvloop
from joserfc.errors import SecurityWarning
from rich.console import Console

from carbot_local.database import connected
from carbot_testing.issuer import Issuer
from tests.perf import data, events, reference, report, web
from tests.perf.requests import Askers
from tests.perf.stack import Servers, gateway_to, prepared, running, servers
from tests.perf.volume import Volume

SERVICE, GATEWAY = "the service", "the gateway"
_LIST_LIMITS = {SERVICE: "≥ 0.5 of the SQL", GATEWAY: "p99 ≤ 30 ms"}
_CREATION_LIMITS = {SERVICE: "≥ 0.5 of the SQL"}


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
            rows: list[report.Row] = []
            async with running(place, "crm", "api") as api, gateway_to(started, place, {"crm": api.port}) as port:
                ports = {SERVICE: api.port, GATEWAY: port}
                status.update("Listing leads")
                askers = Askers(issuer, volume)
                rows += await web.compare(
                    started,
                    place,
                    volume,
                    work=f"list {reference.PAGE} leads",
                    request=askers.list_leads(),
                    script=await reference.record_list(place),
                    ports=ports,
                    limits=_LIST_LIMITS,
                )
                status.update("Creating leads")
                rows += await web.compare(
                    started,
                    place,
                    volume,
                    work="create a lead",
                    request=askers.create_lead(),
                    script=await reference.record_creation(place),
                    ports=ports,
                    limits=_CREATION_LIMITS,
                )
            await data.forget_events(connection)
            status.update("Carrying a backlog of events")
            rows += await events.measure_backlog(place, connection, volume)
            await data.forget_events(connection)
            status.update("Timing events")
            return [
                *rows,
                await events.measure_delay(
                    place,
                    connection,
                    volume,
                    relay_per_second=rows[-2].per_second,
                    consumer_per_second=rows[-1].per_second,
                ),
            ]


if __name__ == "__main__":
    main()
