"""A server process, described once for supervisord and for a direct start."""

from collections.abc import Mapping
from pathlib import Path

import msgspec


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """One server process. It stays in the foreground and logs to its standard streams."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = {}
    directory: Path = Path("/")
    user: str | None = None
    stop_signal: str = "TERM"
    stop_seconds: int = 25
