"""Two ways to run a program without supervisord: a short command, and a server that dies with its parent."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from carbot_local.errors import StackError
from carbot_local.layout import HOST
from carbot_local.programs import Program
from carbot_local.users import prefix


def run(
    argv: Sequence[str | Path],
    *,
    user: str | None = None,
    environment: Mapping[str, str] | None = None,
    seconds: float = 120,
) -> str:
    """Run a command to its end and return what it printed; raise StackError with its last line of complaint."""
    words = [*prefix(user), *map(str, argv)]
    try:
        result = subprocess.run(
            words,
            cwd="/",
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError as error:
        raise StackError(f"{words[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise StackError(f"{Path(argv[0]).name} did not end within {seconds:.0f} s") from error
    if result.returncode != 0:
        complaint = (result.stderr.strip() or result.stdout.strip() or "no message").splitlines()[-1]
        raise StackError(f"{Path(argv[0]).name} failed: {complaint}")
    return result.stdout


def succeeds(argv: Sequence[str | Path]) -> bool:
    """Run a check to its end and say whether it was satisfied."""
    return subprocess.run([str(word) for word in argv], cwd="/", capture_output=True, check=False).returncode == 0


class Server:
    """A running program that the kernel ends when the thread that started it ends: start it from the main thread."""

    def __init__(self, program: Program, log: Path, *, signal_at_death: str = "KILL") -> None:
        self.program = program
        self.log = log
        self._signal_at_death = signal_at_death
        words = [*(prefix(program.user) or ["setpriv"]), "--pdeathsig", signal_at_death, "--", *program.argv]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                words,
                cwd=program.directory,
                env={**os.environ, **program.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal is for the parent: it stops its servers in order.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def running(self) -> bool:
        return self._process.poll() is None

    def signal(self, name: str) -> None:
        """Send a signal by its short name: TERM, KILL, STOP, CONT."""
        self._process.send_signal(signal.Signals[f"SIG{name}"])

    def again(self) -> "Server":
        """Start the same program once more, after its end."""
        return Server(self.program, self.log, signal_at_death=self._signal_at_death)

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = 30) -> None:
        """Wait until it answers; raise StackError with the last line of its log when it ends or takes too long."""
        end = time.monotonic() + seconds
        while not ready():
            if not self.running():
                raise StackError(f"{self.program.name} ended with {self._process.returncode}: {last_line(self.log)}")
            if time.monotonic() > end:
                raise StackError(f"{self.program.name} is not ready after {seconds:.0f} s: {last_line(self.log)}")
            time.sleep(0.02)

    def stop(self, name: str | None = None) -> None:
        """End it with its own signal or the one named, and kill it if that takes longer than it may."""
        if self.running():
            self.signal(name or self.program.stop_signal)
            # A paused process must wake up to hear of its end.
            self.signal("CONT")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(self.program.stop_seconds)
        if self.running():
            self.signal("KILL")
        self._process.wait()


def last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else f"no message in {log}"


def answers(port: int) -> bool:
    """Say whether something listens on that port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


def free_ports(count: int) -> list[int]:
    """Find ports that nothing uses, below the range of outgoing connections, at random so that two runs do not meet."""
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().randrange(10_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            if port not in found:
                found.append(port)
    return found
