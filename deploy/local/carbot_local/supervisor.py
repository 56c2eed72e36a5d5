"""supervisord: its configuration, and talking to it."""

import configparser
import io
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

import msgspec
from supervisor.xmlrpc import SupervisorTransport

from carbot_local.errors import StackError
from carbot_local.layout import Home
from carbot_local.processes import last_line, run
from carbot_local.programs import Program
from carbot_local.users import own_folder, system_user, write_secret

MARK = "CARBOT_STACK"
LONGEST_SOCKET_PATH = 100


class State(msgspec.Struct, frozen=True):
    """What supervisord says of one program."""

    name: str
    statename: str
    description: str
    pid: int


class Supervisor:
    """The supervisord of one stack."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._socket = home.run / "supervisor.sock"
        if len(str(self._socket)) > LONGEST_SOCKET_PATH:
            raise StackError(f"{self._socket} is too long for the name of a socket: choose a shorter CARBOT_HOME")

    def log_of(self, name: str) -> Path:
        return self._home.log / f"{name}.log"

    def last_words(self, name: str) -> str:
        """Return the last line of a program's log."""
        return last_line(self.log_of(name))

    def running(self) -> bool:
        """Say whether it is there."""
        try:
            with self._rpc() as supervisor:
                supervisor.getState()
        except OSError:
            return False
        return True

    def launch(self, groups: Mapping[str, Sequence[Program]]) -> None:
        """Start supervisord itself. It starts no group before it is told to, and stops the last of them first."""
        own_folder(self._home.log)
        own_folder(self._home.run)
        path = self._home.run / "supervisord.conf"
        # The programs' secrets are in their environment.
        write_secret(path, self._render(groups))
        # By this mark `make down` knows what is left of a stack whose supervisord was killed.
        run([Path(sys.executable).with_name("supervisord"), "-c", path], environment={MARK: str(self._home.root)})
        end = time.monotonic() + 10
        while not self.running():
            if time.monotonic() > end:
                raise StackError(f"supervisord does not answer: {last_line(self._home.log / 'supervisord.log')}")
            time.sleep(0.05)

    def start(self, group: str) -> None:
        """Start a group of programs, without waiting until they are ready."""
        with self._rpc() as supervisor:
            supervisor.startProcessGroup(group, False)

    def states(self) -> list[State]:
        with self._rpc() as supervisor:
            return msgspec.convert(supervisor.getAllProcessInfo(), list[State])

    def complain(self) -> None:
        """Raise StackError if supervisord has given up on a program."""
        for state in self.states():
            if state.statename == "FATAL":
                raise StackError(f"{state.name} does not stay up: {self.last_words(state.name)}")

    def shut_down(self) -> None:
        """Ask supervisord to stop everything and end; returns at once."""
        with self._rpc() as supervisor:
            supervisor.shutdown()

    @contextmanager
    def _rpc(self) -> Generator[Any]:
        # The address is never used: the transport knows the socket.
        transport: Any = SupervisorTransport(None, None, f"unix://{self._socket}")
        with ServerProxy("http://127.0.0.1", transport=transport) as proxy:
            yield proxy.supervisor

    def _render(self, groups: Mapping[str, Sequence[Program]]) -> str:
        config = configparser.RawConfigParser()
        config.optionxform = str  # pyright: ignore[reportAttributeAccessIssue]
        config["supervisord"] = {
            "logfile": str(self._home.log / "supervisord.log"),
            "logfile_maxbytes": "5MB",
            "logfile_backups": "1",
            "pidfile": str(self._home.run / "supervisord.pid"),
            # As root it warns unless told that this is meant.
            **({"user": "root"} if system_user() else {}),
        }
        config["unix_http_server"] = {"file": str(self._socket), "chmod": "0700"}
        factory = "supervisor.rpcinterface:make_main_rpcinterface"
        config["rpcinterface:supervisor"] = {"supervisor.rpcinterface_factory": factory}
        for priority, (group, programs) in enumerate(groups.items(), start=1):
            names = ",".join(program.name for program in programs)
            config[f"group:{group}"] = {"programs": names, "priority": str(priority)}
            for program in programs:
                config[f"program:{program.name}"] = self._section(program)
        text = io.StringIO()
        config.write(text)
        return text.getvalue()

    def _section(self, program: Program) -> Mapping[str, str]:
        return {
            "command": " ".join(_quoted(word) for word in program.argv),
            "directory": str(program.directory),
            "environment": ",".join(f'{name}="{_escaped(value)}"' for name, value in program.environment.items()),
            **({"user": program.user} if program.user else {}),
            "autostart": "false",
            "autorestart": "true",
            "startretries": "20",
            "stopsignal": program.stop_signal,
            "stopwaitsecs": str(program.stop_seconds),
            # A child that outlives its program would keep the port and answer with old code.
            "stopasgroup": "true",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": str(self.log_of(program.name)),
            "stdout_logfile_maxbytes": "10MB",
            "stdout_logfile_backups": "1",
        }


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(word: str) -> str:
    return f"'{_escaped(word)}'" if any(letter in word for letter in ' ;"') else _escaped(word)
