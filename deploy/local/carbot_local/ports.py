"""Who has a port, and what is left of a stack that was killed."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from carbot_local.errors import StackError
from carbot_local.supervisor import MARK


def require_nothing_left(home: Path) -> None:
    """Raise StackError if processes of a killed stack still run."""
    if found := left_over(home):
        raise StackError(f"{_described(found[0])} is left of a stack that was killed: make down, then again")


def require_free(ports: Mapping[str, int]) -> None:
    """Raise StackError if one of the ports is taken, naming by whom.

    The services open theirs so that a second process would not fail but share it.
    """
    listeners = dict(_listeners())
    for name, port in ports.items():
        if port not in listeners:
            continue
        owner = listeners[port]
        who = "another user's process" if owner is None else _described(owner)
        raise StackError(
            f"port {port} ({name}) is taken by {who}: stop it, or choose another in deploy/local/ports.toml"
        )


def left_over(home: Path) -> list[psutil.Process]:
    """Return the living processes that belong to the stack of this folder."""
    return [process for process in psutil.process_iter() if _stack_of(process) == str(home)]


def _listeners() -> Iterator[tuple[int, psutil.Process | None]]:
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr:
            try:
                yield connection.laddr.port, psutil.Process(connection.pid) if connection.pid else None
            except psutil.NoSuchProcess:
                continue


def _stack_of(process: psutil.Process) -> str | None:
    try:
        # Reading the environment of a zombie is an error of its own.
        return process.environ().get(MARK) if process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _described(process: psutil.Process) -> str:
    try:
        return f"{process.name()} (process {process.pid})"
    except psutil.Error:
        return f"process {process.pid}"
