"""Where processes are born: one that has everything imported, and forks another for each life.

`python -m tests.chaos.crash_points.nursery` reads a birth a line and writes two lines for each: the child's process id, and
how its life went.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
import traceback
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

import msgspec
import structlog
from joserfc.errors import SecurityWarning

from carbot_testing.running import services
from tests.chaos.crash_points.fate import Fate, Manner
from tests.chaos.crash_points.lives import WORKS, Life

_LONGEST_SECONDS = 30.0
_POLL_SECONDS = 0.005
_GRACE_SECONDS = 0.05
_FAILED = 3


class Birth(msgspec.Struct, frozen=True):
    """A life to be lived: what it does, in which environment, and where it dies (None: nowhere)."""

    work: str
    environment: dict[str, str]
    arguments: dict[str, Any]
    point: int | None = None
    manner: Manner = "torn"


class Outcome(msgspec.Struct, frozen=True):
    """How a life went: whether it met its fate, and what it told the world before its end."""

    died: bool
    told: list[Any]


class Nursery:
    """The process that gives birth, as its parent sees it: one life at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncGenerator[Self]:
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", __name__),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            yield cls(process)
        finally:
            process.kill()
            await process.communicate()

    async def live(self, birth: Birth, settled: Callable[[], Awaitable[bool]] | None = None) -> Outcome:
        """Let it live until it has died or ended by itself, or until its work is settled; raise TimeoutError."""
        self._input.write(msgspec.json.encode(birth) + b"\n")
        pid = int(await self._output.readline())
        async with asyncio.timeout(_LONGEST_SECONDS):
            ending = asyncio.create_task(self._output.readline())
            if settled is not None:
                while not ending.done() and not await settled():
                    await asyncio.wait({ending}, timeout=_POLL_SECONDS)
                if birth.point is not None:
                    # Its work is done, its points may not be.
                    await asyncio.wait({ending}, timeout=_GRACE_SECONDS)
                if not ending.done():
                    # It may die of itself at this very moment.
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            told = msgspec.json.decode(await ending)
        faults = [fact["fault"] for fact in told if "fault" in fact]
        if faults:
            raise AssertionError(faults[0])
        return Outcome(any("died" in fact for fact in told), told)

    @property
    def _input(self) -> asyncio.StreamWriter:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _output(self) -> asyncio.StreamReader:
        assert self._process.stdout is not None
        return self._process.stdout


def give_birth(birth: Birth) -> None:
    """Fork a process, let it live, and write how that went."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _live(birth, lambda fact: os.write(writing, msgspec.json.encode(fact) + b"\n"))
    os.close(writing)
    sys.stdout.write(f"{pid}\n")
    sys.stdout.flush()
    with os.fdopen(reading, "rb") as told:
        facts = [msgspec.json.decode(line) for line in told]
    os.waitpid(pid, 0)
    sys.stdout.write(msgspec.json.encode(facts).decode() + "\n")
    sys.stdout.flush()


def _live(birth: Birth, tell: Callable[[object], object]) -> None:
    """Live, and leave without a farewell: nothing is closed, rolled back or said."""
    fate = Fate(birth.point, birth.manner, tell)
    try:
        with asyncio.Runner(loop_factory=fate.loop) as runner:
            runner.run(_work(birth, Life(birth.environment, birth.arguments, fate, tell)))
    except BaseException:  # noqa: BLE001 - whatever it is, the parent must hear of it
        tell({"fault": traceback.format_exc()})
    os._exit(_FAILED)


async def _work(birth: Birth, life: Life) -> None:
    await WORKS[birth.work](life)
    os._exit(0)


def main() -> None:
    services()
    gc.freeze()
    warnings.filterwarnings("ignore", category=SecurityWarning)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for line in sys.stdin.buffer:
        give_birth(msgspec.json.decode(line, type=Birth))


if __name__ == "__main__":
    main()
