"""The whole stack, as `make up` starts it, in a folder and on ports of its own."""

import os
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import msgspec
import pytest

from carbot_local import lifecycle
from carbot_local.layout import SERVICES, Home, Ports, ServicePorts
from carbot_local.processes import free_ports
from carbot_local.temporary import remove, temporary_folder


class RunningStack(msgspec.Struct, frozen=True):
    """A stack that is up, and how long it took, in seconds."""

    home: Home
    ports: Ports
    first_start: float

    @property
    def gateway(self) -> str:
        return f"http://127.0.0.1:{self.ports.gateway}"

    def api(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports.services[service].api}"

    def mailed_token(self, recipient: str, *, within: float = 10) -> str:
        """Return the token in the newest mail to somebody; wait for it."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            for path in sorted(self.home.mail.glob("*.eml"), reverse=True):
                mail = message_from_bytes(path.read_bytes(), policy=policy.default)
                body = mail.get_body(("plain",))
                if mail["To"] == recipient and body and "token=" in (text := body.get_content()):
                    return text.partition("token=")[2].split()[0]
            time.sleep(0.02)
        raise TimeoutError(f"no mail with a token to {recipient}")


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    """Start the stack; stop it and remove it afterwards."""
    root = temporary_folder("stack")
    taken = free_ports(8 + 2 * len(SERVICES))
    named = dict(zip(Ports.__struct_fields__[:-1], taken, strict=False))
    pairs = iter(taken[8:])
    ports = Ports(**named, services={service: ServicePorts(next(pairs), next(pairs)) for service in SERVICES})
    home = Home(Path(root) / "home")
    os.environ.pop("CARBOT_HOME", None)
    started = time.monotonic()
    lifecycle.up(home, ports)
    yield RunningStack(home, ports, time.monotonic() - started)
    lifecycle.down(home, ports)
    remove(root)
