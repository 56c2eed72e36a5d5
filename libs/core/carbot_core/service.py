"""What a service is made of: its table of contents, and what its processes share."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import msgspec
from litestar.types import ControllerRouterHandler

from carbot_contracts.event import Event
from carbot_core.clock import Clock
from carbot_core.consume import Consumer
from carbot_core.db import Database, Tx
from carbot_core.jobs import Job, JobWithSettings
from carbot_core.migrate import Migration, migrations_of
from carbot_core.settings import Settings
from carbot_core.timers import Due


class Runtime(msgspec.Struct, frozen=True):
    """What a process of a service works with."""

    settings: Any
    database: Database
    clock: Clock


type TimerHandler = Callable[[Runtime, Due], Awaitable[None]]
type Announcer = Callable[[Tx, UUID | None, int], Awaitable[list[tuple[Event, int]]]]
"""Returns the current state of the rows after an id, at most so many, each with its version, in the order of their ids."""


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A service, as its `app.py` lists it."""

    name: str
    folder: Path
    settings: type[Settings] = Settings
    routers: tuple[ControllerRouterHandler, ...]
    consumers: tuple[Consumer, ...] = ()
    timers: Mapping[str, TimerHandler] = {}
    jobs: tuple[Job | JobWithSettings, ...] = ()
    announcers: Mapping[str, Announcer] = {}
    streams: Mapping[str, list[str]] = {}
    """Streams beside the service's own, by name with their subjects."""
    followed: tuple[type[Event], ...] = ()
    """Those of its own events that its api tells open streams of server-sent events."""
    state: Callable[[Runtime], dict[str, Any]] = lambda _runtime: {}
    """What the routes need beyond the database, by the name in the application's state."""
    background: Mapping[str, Callable[[Runtime, Any], Awaitable[None]]] = {}
    """What else a worker runs, given the runtime and its JetStream context."""
    commands: tuple[click.Command, ...] = ()

    def migrations(self) -> list[Migration]:
        return migrations_of(self.folder)


def core_migrations() -> list[Migration]:
    """Return the migrations of the `core` schema."""
    return migrations_of(Path(__file__).parent, folder="sql")
