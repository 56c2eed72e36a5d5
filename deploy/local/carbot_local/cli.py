"""`python -m carbot_local up|down|status|logs|run|reset`: what the Makefile calls."""

import os

import rich
import rich_click as click

from carbot_local import lifecycle, services
from carbot_local.demo.load import load
from carbot_local.errors import StackError
from carbot_local.gateway import Limits
from carbot_local.layout import SERVICES, Home, Ports
from carbot_local.stack import Stack
from carbot_local.status import show_addresses, show_states


@click.group(help="The stack on this machine: real processes under supervisord.")
def local() -> None:
    pass


@local.command()
@click.option("--demo/--no-demo", "with_demo", default=True, help="Load demo data when there is none.")
@click.option("--limits", type=click.Choice(["usual", "generous"]), default="usual", help="The gateway's rate limits.")
def up(*, with_demo: bool, limits: str) -> None:
    """Start everything and wait until it is ready."""
    home, ports = Home.find(), Ports.load()
    chosen = Limits.generous() if limits == "generous" else Limits()
    started = lifecycle.up(home, ports, tell=rich.print, limits=chosen)
    if with_demo and not home.demo.exists():
        load(Stack.load(home, ports), rich.print)
    rich.print("The stack is up." if started else "The stack is already up.")
    show_addresses(home, ports)


@local.command()
def down() -> None:
    """Stop everything; data stays."""
    stopped = lifecycle.down(Home.find(), Ports.load())
    rich.print("The stack is down." if stopped else "The stack was not up.")


@local.command()
def status() -> None:
    """Show every process and whether it is ready."""
    if not show_states(Home.find(), Ports.load()):
        raise SystemExit(1)


@local.command()
@click.argument("service", required=False)
def logs(service: str | None) -> None:
    """Follow the logs of a service, or of everything."""
    files = sorted(map(str, Home.find().log.glob(f"{service or ''}*.log")))
    if not files:
        raise StackError(f"there is no log of {service}" if service else "there are no logs: make up")
    os.execvp("tail", ["tail", "-n", "50", "-F", *files])  # noqa: S606 - Ctrl-C is then for tail alone


@local.command(context_settings={"ignore_unknown_options": True})
@click.argument("service", type=click.Choice(SERVICES))
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED)
def run(service: str, words: tuple[str, ...]) -> None:
    """Run a service's own command with what its worker is told, for example `run crm dead-letters list`."""
    stack = Stack.load(Home.find(), Ports.load())
    owner = words[0] in {"migrate", "maintain"}
    told = services.owner_environment(stack, service) if owner else services.environment(stack, service, "worker")
    argv = services.command(service, *words)
    os.execve(argv[0], argv, {**os.environ, **told})  # noqa: S606 - its signals and its status are then its own


@local.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(*, yes: bool) -> None:
    """Stop everything and delete its data, secrets and mails."""
    home = Home.find()
    if not home.root.exists():
        rich.print("There is nothing to delete.")
        return
    if not yes:
        click.confirm(f"Delete {home.root}?", abort=True)
    lifecycle.down(home, Ports.load())
    lifecycle.delete(home)
    rich.print(f"{home.root} is deleted.")
