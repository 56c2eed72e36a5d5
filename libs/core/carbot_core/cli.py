"""The command line of a service: `python -m carbot_<service> api | worker | migrate | maintain | ...`."""

import os
import sys
import warnings
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, override
from uuid import UUID

import msgspec
import rich_click as click
import uvloop
from joserfc.errors import SecurityWarning
from rich.console import Console
from rich.table import Column, Table

from carbot_contracts.event import Instant
from carbot_core import bus, inbox, logs, processes, telemetry
from carbot_core.announce import announce as announce_all
from carbot_core.clock import utc_now
from carbot_core.consume import Unreadable
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.errors import Refusal
from carbot_core.maintain import maintain as maintain_partitions
from carbot_core.migrate import MigrationError
from carbot_core.migrate import migrate as apply_migrations
from carbot_core.republish import republish as republish_all
from carbot_core.service import Service, core_migrations
from carbot_core.settings import NatsSeed, NatsUrl, PostgresUrl, SettingError, Settings, read


class OwnerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What migrate and maintain need: a direct connection of the role that may become the owner."""

    database_owner_url: PostgresUrl


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What provision needs: the broker, as the user that may make streams."""

    nats_url: NatsUrl
    nats_seed: NatsSeed
    stream_replicas: Annotated[int, msgspec.Meta(ge=1, le=5, description="how many nodes keep a stream, 1 to 5")] = 1


class Moment(click.ParamType[datetime]):
    """A time with its offset (RFC 3339)."""

    name = "moment"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return msgspec.convert(value, Instant)
        except msgspec.ValidationError:
            self.fail("is no time with its offset, for example 2026-03-02T09:00:00+01:00", param, ctx)


MOMENT = Moment()


def run(service: Service) -> None:
    """Run the command that the arguments name; a setting that is wrong ends the process with one line and status 2."""
    try:
        commands(service)(prog_name=f"python -m carbot_{service.name}")
    except (SettingError, MigrationError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


def commands(service: Service) -> click.Group:
    """Return everything that the command line of a service can do."""
    return click.Group(
        name=service.name,
        help=f"CarBot {service.name}.",
        commands=[*_processes(service), *_operations(service), *_dead_letters(service), *service.commands],
    )


def command(
    name: str, action: Callable[..., Awaitable[None]], text: str, *parameters: click.Parameter
) -> click.Command:
    """Return a command that runs a coroutine on a loop of its own."""

    def callback(**values: Any) -> None:
        uvloop.run(action(**values))  # pyright: ignore[reportArgumentType] - every action is a coroutine function

    return click.Command(name, callback=callback, help=text, params=list(parameters))


def _processes(service: Service) -> list[click.Command]:
    async def api() -> None:
        settings = _start(service, "api")
        async with processes.api(service, settings) as (edge, health):
            await processes.serve(edge, health, settings)

    async def worker() -> None:
        settings = _start(service, "worker")
        async with processes.worker(service, settings) as health:
            await processes.serve(health, health, settings)

    return [command("api", api, "Serve HTTP."), command("worker", worker, "Run relay, consumers, timers and jobs.")]


def _start(service: Service, process: str) -> Settings:
    settings = read(service.settings, os.environ)
    logs.start(service.name, process)
    telemetry.start(service.name, process, settings.app_version)
    # RFC 9864 has another name for the algorithm, which Envoy 1.40 does not know.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    processes.refuse_taken_port(settings.http_host, settings.http_port)
    return settings


def _operations(service: Service) -> list[click.Command]:
    async def migrate(*, after: bool) -> None:
        url = read(OwnerSettings, os.environ).database_owner_url
        for name in await apply_migrations(url, service.name, core_migrations(), service.migrations(), after=after):
            click.echo(f"applied {name}")

    async def maintain() -> None:
        alarms = await maintain_partitions(read(OwnerSettings, os.environ).database_owner_url, service.name, utc_now())
        for alarm in alarms:
            click.echo(alarm, err=True)
        if alarms:
            sys.exit(1)

    async def provision() -> None:
        settings = read(BrokerSettings, os.environ)
        streams = {bus.stream_name(service.name): [f"{service.name}.>"], **service.streams}
        async with bus.connect(settings.nats_url, settings.nats_seed, "provision", wait=bus.CONNECT_SECONDS) as client:
            await bus.provision(bus.jetstream(client), streams, replicas=settings.stream_replicas)
        click.echo(f"streams: {', '.join(streams)}")

    async def announce(aggregate: str) -> None:
        count = await announce_all(service, read(service.settings, os.environ), aggregate)
        click.echo(f"announced {count}")

    async def republish(since: datetime) -> None:
        count = await republish_all(read(service.settings, os.environ), since)
        click.echo(f"publishing {count} again")

    return [
        command(
            "migrate",
            migrate,
            "Bring the schema to the newest version.",
            click.Option(["--after"], is_flag=True, help="Also what removes or tightens: no old process may run."),
        ),
        command("maintain", maintain, "Make partitions ahead and drop old ones."),
        command("provision", provision, "Make the service's streams."),
        command(
            "announce",
            announce,
            "Publish the current state of every row of an aggregate.",
            click.Argument(["aggregate"], type=click.Choice(sorted(service.announcers))),
        ),
        command(
            "republish",
            republish,
            "Publish again what the outbox still has.",
            click.Option(
                ["--since"], required=True, type=MOMENT, help="a time with its offset: 2026-03-02T09:00:00+01:00"
            ),
        ),
    ]


def _dead_letters(service: Service) -> list[click.Command]:
    async def show_all() -> None:
        async with _worker_database(service) as database, database.transaction(Context(), read_only=True) as tx:
            letters = await inbox.list_dead_letters(tx)
        table = Table(Column("id", no_wrap=True), "consumer", "subject", "error", "failed at", "replayed at")
        for letter in letters:
            replayed = str(letter.replayed_at or "")
            table.add_row(
                str(letter.id), letter.consumer, letter.subject, letter.error, str(letter.failed_at), replayed
            )
        Console().print(table)

    async def show(letter_id: UUID) -> None:
        async with _worker_database(service) as database, database.transaction(Context(), read_only=True) as tx:
            letter = await inbox.find_dead_letter(tx, letter_id)
        click.echo(msgspec.json.format(msgspec.json.encode(letter)) if letter else "there is no such dead letter")

    async def replay(letter_id: UUID) -> None:
        settings = read(service.settings, os.environ)
        async with _worker_database(service) as database:
            await replay_dead_letter(service, settings, database, letter_id)
        click.echo("it took effect")

    letter = click.Argument(["letter_id"], type=click.UUID)
    group = click.Group(
        "dead-letters",
        help="Events that could not take effect.",
        commands=[
            command("list", show_all, "List them, newest first."),
            command("show", show, "Show one with its body.", letter),
            command("replay", replay, "Let one take effect, now that its cause is mended.", letter),
        ],
    )
    return [group]


def _worker_database(service: Service) -> Any:
    settings = read(service.settings, os.environ)
    return Database.connect(settings.database_url, statement_cache=settings.db_statement_cache)


async def replay_dead_letter(service: Service, settings: Settings, database: Database, letter_id: UUID) -> None:
    """Let a dead letter take effect now; raise click.ClickException where it cannot."""
    async with database.transaction(Context(), read_only=True) as tx:
        letter = await inbox.find_dead_letter(tx, letter_id)
    consumer = next((c for c in service.consumers if letter is not None and c.name == letter.consumer), None)
    if letter is None or consumer is None:
        raise click.ClickException("there is no such dead letter, or its consumer is gone")
    try:
        await consumer.prepare(settings).replay(database, letter)
    except (Unreadable, Refusal) as fault:
        raise click.ClickException(f"it still cannot take effect: {fault}") from fault
    async with database.transaction(Context()) as tx:
        await inbox.mark_replayed(tx, letter_id)
