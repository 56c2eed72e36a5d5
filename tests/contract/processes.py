"""Every service's api as a process of its own, which must bear whatever is sent to it."""

import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec
from catalogue_data import SERVICES
from interface import Operation
from resources import Side, never
from wire import Answer, ask, request

from carbot_testing.child import Child
from carbot_testing.issuer import Issuer
from carbot_testing.running import Place

MEGABYTES: Final = 300
_addresses: Final = (f"198.18.{number >> 8 & 255}.{number & 255}" for number in count())


class Apis(msgspec.Struct, frozen=True):
    """The processes, and how to speak to them."""

    children: dict[str, Child]
    issuer: Issuer

    def port(self, service: str) -> int:
        return self.children[service].port

    def headers(self, side: Side | None) -> list[str]:
        """Return what a side's owner, or somebody unknown, sends; each comes from another address, so that nobody is throttled."""
        token = self.issuer.token(UUID(side.id), "owner", user_id=UUID(side.owner)) if side else None
        bearer = [f"authorization: Bearer {token}"] if token else []
        return [f"x-forwarded-for: {next(_addresses)}", *bearer]

    async def send(
        self,
        operation: Operation,
        side: Side,
        *headers: str,
        query: str = "",
        body: bytes = b"",
        path: str | None = None,
    ) -> Answer:
        """Send what is an operation's request but for what the caller spoils; ids in the path are of nothing."""
        target = path or operation.path.format(**{name: never() for name in operation.parameters("path")})
        known = self.headers(side if operation.scope else None)
        known += ['if-match: "1"'] if "If-Match" in operation.parameters("header") else []
        typed = (
            ["content-type: application/json"] if body and not any("content-type" in each for each in headers) else []
        )
        sent = request(operation.method, target + query, *known, *typed, *headers, body=body)
        return await ask(self.port(operation.service), sent)

    async def are_well(self) -> None:
        """Fail if a process does not serve, or ever took more memory than it may."""
        for service, child in self.children.items():
            answer = await ask(child.port, request("GET", "/health/ready"))
            assert (answer.status, service) == (200, service)
            assert (megabytes(child.pid) <= MEGABYTES, service) == (True, service)


@asynccontextmanager
async def running_processes(place: Place, issuer: Issuer) -> AsyncGenerator[Apis]:
    """Run the apis behind this machine as their gateway."""
    async with AsyncExitStack() as stack:
        children = {
            service: await stack.enter_async_context(Child.open(place, service, CARBOT_TRUSTED_PROXIES="127.0.0.0/8"))
            for service in SERVICES
        }
        for child in children.values():
            await child.until_ready()
        yield Apis(children, issuer)


def megabytes(pid: int) -> float:
    """Return the most memory that a process ever held."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024
