"""What a person sees: the table of processes, and the addresses after a start."""

import httpx
import msgspec
import rich
from rich.table import Table

from carbot_local.demo.description import Demo
from carbot_local.layout import HOST, SERVICES, Home, Ports
from carbot_local.lifecycle import is_ok
from carbot_local.processes import answers
from carbot_local.supervisor import Supervisor


def show_states(home: Home, ports: Ports) -> bool:
    """Print every process; return whether all run and are ready."""
    supervisor = Supervisor(home)
    if not supervisor.running():
        rich.print("The stack is not up.")
        return False
    well = True
    table = Table("process", "state", "port", "ready", "since or why")
    with httpx.Client(timeout=2, trust_env=False) as client:
        for state in supervisor.states():
            port = _port_of(state.name, ports)
            ready = None if port is None else _ready(client, state.name, port)
            well = well and state.statename == "RUNNING" and ready is not False
            word = {None: "", True: "yes", False: "[red]no"}[ready]
            table.add_row(state.name, state.statename, str(port or ""), word, state.description)
    rich.print(table)
    return well


def show_addresses(home: Home, ports: Ports) -> None:
    """Print where everything is, and whom to sign in as."""
    table = Table.grid(padding=(0, 2))
    table.add_row("gateway", f"http://{HOST}:{ports.gateway}/api/<service>/v1/")
    table.add_row("documentation", f"http://{HOST}:{ports.gateway}/docs")
    table.add_row("mails", str(home.mail))
    table.add_row("logs", f"{home.log}, or make logs S=crm")
    table.add_row("PgBouncer", f"{HOST}:{ports.pgbouncer}, databases carbot and carbot_ro")
    table.add_row("PostgreSQL", f"{HOST}:{ports.primary} (primary), {HOST}:{ports.replica} (replica)")
    table.add_row("NATS", f"{HOST}:{ports.nats}, monitoring http://{HOST}:{ports.nats_monitor}")
    if home.demo.exists():
        found = msgspec.json.decode(home.demo.read_bytes(), type=Demo)
        user = found.organizations[0].users[0]
        table.add_row("sign in as", f"{user.email} with {user.password} ({user.role}); all others: {home.demo}")
    rich.print(table)


def _port_of(name: str, ports: Ports) -> int | None:
    service, _, kind = name.partition("-")
    if service in SERVICES:
        return {"api": ports.services[service].api, "worker": ports.services[service].worker}.get(kind)
    port: int | None = {"mail": ports.smtp}.get(name) or getattr(ports, name, None)
    return port


def _ready(client: httpx.Client, name: str, port: int) -> bool:
    if name.partition("-")[0] in SERVICES:
        return is_ok(client, f"http://{HOST}:{port}/health/ready")
    return answers(port)
