"""The stack as a whole: start it, stop it."""

import contextlib
import fcntl
import shutil
import sys
import time
from collections.abc import Callable, Generator

import httpx
import psutil

from carbot_local import foundation, gateway, services
from carbot_local.commands import run_each
from carbot_local.errors import StackError
from carbot_local.layout import SERVICES, Home, Ports
from carbot_local.ports import left_over, require_free, require_nothing_left
from carbot_local.processes import answers
from carbot_local.stack import Stack
from carbot_local.supervisor import Supervisor
from carbot_local.users import open_folder

DOWN_SECONDS = 90


def up(home: Home, ports: Ports, *, tell: Callable[[str], object] = str, limits: gateway.Limits | None = None) -> bool:
    """Start the stack and wait until it is ready; return False if it already was. `tell` hears of each step."""
    supervisor = Supervisor(home)
    with _alone(home):
        if supervisor.running():
            if all(state.statename == "RUNNING" for state in supervisor.states()):
                return False
            _stop(home, ports, supervisor)
        require_nothing_left(home.root)
        require_free(ports.by_name())
        stack = Stack.load(home, ports)
        try:
            _start(stack, supervisor, tell, limits)
        except BaseException:
            # Half a stack answers some requests and confuses whoever looks at it.
            _stop(home, ports, supervisor)
            raise
    return True


def down(home: Home, ports: Ports) -> bool:
    """Stop the stack and wait until no process and no port is left; return False if there was none."""
    if not home.root.exists():
        return False
    with _alone(home):
        return _stop(home, ports, Supervisor(home))


def delete(home: Home) -> None:
    """Delete what the stack has put into its folder, and the folder if nothing else is in it."""
    for path in home.contents():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if not any(home.root.iterdir()):
        home.root.rmdir()


def _start(stack: Stack, supervisor: Supervisor, tell: Callable[[str], object], limits: gateway.Limits | None) -> None:
    tell("Starting PostgreSQL, PgBouncer and NATS")
    edge = gateway.configure(
        stack.home.gateway,
        port=stack.ports.gateway,
        admin_port=stack.ports.gateway_admin,
        services={service: [stack.ports.services[service].api] for service in SERVICES},
        issuer=services.ISSUER,
        origins=services.app_origins(),
        limits=limits,
    )
    data = foundation.configure(stack)
    supervisor.launch(
        {"data": data, "replica": [stack.replica.program()], "services": services.programs(stack), "edge": [edge]}
    )
    foundation.start(stack, supervisor)
    _prepare_services(stack, tell)
    tell("Starting the services")
    supervisor.start("services")
    supervisor.start("edge")
    _wait_until_ready(stack, supervisor)


def _prepare_services(stack: Stack, tell: Callable[[str], object]) -> None:
    """Do what must be done before a service starts; all of it is safe to repeat."""
    log, owners = stack.home.log, {service: services.owner_environment(stack, service) for service in SERVICES}
    tell("Migrating")
    # No process of an older version runs now, so what removes or tightens may go with the rest.
    run_each("migrate --after", owners, log)
    tell("Making streams, keys and partitions")
    run_each("provision", dict.fromkeys(SERVICES, services.provision_environment(stack)), log)
    run_each("rotate-keys", {"tenancy": services.environment(stack, "tenancy", "worker")}, log)
    try:
        run_each("maintain", owners, log)
    except StackError as error:
        # An alarm about partitions is for people; nothing would get better if the services did not start.
        sys.stderr.write(f"carbot: {error}\n")


def _wait_until_ready(stack: Stack, supervisor: Supervisor) -> None:
    addresses: dict[str, str] = {}
    for service in SERVICES:
        ports = stack.ports.services[service]
        addresses[f"{service}-api"] = f"{stack.url(ports.api)}/health/ready"
        addresses[f"{service}-worker"] = f"{stack.url(ports.worker)}/health/ready"
    addresses["gateway"] = f"{stack.url(stack.ports.gateway)}/.well-known/jwks.json"
    with httpx.Client(timeout=2, trust_env=False) as client:
        for name, address in addresses.items():
            foundation.wait_until(lambda address=address: is_ok(client, address), name, supervisor)


def is_ok(client: httpx.Client, address: str) -> bool:
    """Say whether a GET of the address answers 200."""
    try:
        return client.get(address).is_success
    except httpx.TransportError:
        return False


def _stop(home: Home, ports: Ports, supervisor: Supervisor) -> bool:
    found = supervisor.running()
    if found:
        gateway.drain(ports.gateway_admin)
        supervisor.shut_down()
    else:
        for process in left_over(home.root):
            found = True
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
    end = time.monotonic() + DOWN_SECONDS
    while found and time.monotonic() < end and (left_over(home.root) or _taken(ports)):
        time.sleep(0.1)
    for process in left_over(home.root):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(5)
    if found and (taken := _taken(ports)):
        raise StackError(f"the stack has ended, but something still answers on port {', '.join(taken)}")
    return found


def _taken(ports: Ports) -> list[str]:
    return [f"{port} ({name})" for name, port in ports.by_name().items() if answers(port)]


@contextlib.contextmanager
def _alone(home: Home) -> Generator[None]:
    """Hold the stack's lock, so that two people do not start and stop it at once."""
    open_folder(home.root)
    with home.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError("another make up, down or reset is under way") from error
        yield
