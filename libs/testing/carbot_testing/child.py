"""A service as a process of its own, as it runs in production."""

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import IO, Any, Self

import httpx

from carbot_local.processes import free_ports
from carbot_testing.running import Place


class Child:
    """A process of a service on a free port; the kernel ends it with the test run."""

    def __init__(
        self, process: asyncio.subprocess.Process, port: int, output: IO[bytes], complaints: IO[bytes]
    ) -> None:
        self._process = process
        self._output = output
        self._complaints = complaints
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    @classmethod
    @asynccontextmanager
    async def open(
        cls, place: Place, service: str, process: str = "api", **changes: str | None
    ) -> AsyncGenerator[Self]:
        """Start `python -m carbot_<service> <process>`; `changes` replaces variables, None takes one away."""
        port = int(changes.get("CARBOT_HTTP_PORT") or free_ports(1)[0])
        variables: dict[str, str | None] = {
            **place.variables(service, process),
            "CARBOT_HTTP_PORT": str(port),
            **changes,
        }
        with tempfile.TemporaryFile("a+b") as output, tempfile.TemporaryFile("a+b") as complaints:
            child = cls(
                await asyncio.create_subprocess_exec(
                    *("setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", f"carbot_{service}", process),
                    env={name: value for name, value in variables.items() if value is not None},
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=complaints,
                ),
                port,
                output,
                complaints,
            )
            try:
                yield child
            finally:
                await child.end("KILL")

    @property
    def pid(self) -> int:
        return self._process.pid

    def client(self, **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=10, trust_env=False)

    async def until_ready(self, within: float = 60) -> None:
        """Wait until it is ready; raise TimeoutError, or AssertionError with its complaint if it has ended."""
        async with asyncio.timeout(within), self.client() as client:
            while True:
                if self._process.returncode is not None:
                    raise AssertionError(f"it ended with {self._process.returncode}: {self.complaint()}")
                try:
                    if (await client.get("/health/ready")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.02)

    def signal(self, name: str) -> None:
        """Send a signal by its short name."""
        if self._process.returncode is None:
            self._process.send_signal(signal.Signals[f"SIG{name}"])

    async def end(self, name: str = "TERM", within: float = 60) -> int:
        """End it; return its exit status."""
        self.signal(name)
        return await self.status(within)

    async def status(self, within: float = 60) -> int:
        """Wait for its end; return its exit status."""
        async with asyncio.timeout(within):
            return await self._process.wait()

    def complaint(self) -> str:
        """Return what it wrote to standard error."""
        self._complaints.seek(0)
        return self._complaints.read().decode()

    def text(self) -> str:
        """Return what it wrote to standard output."""
        self._output.seek(0)
        return self._output.read().decode()

    def lines(self) -> list[dict[str, Any]]:
        """Return its log lines."""
        return [json.loads(line) for line in self.text().splitlines()]
