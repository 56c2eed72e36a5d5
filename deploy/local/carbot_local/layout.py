"""Where the stack's parts live: services, ports, folders."""

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import msgspec

from carbot_local.errors import StackError

SERVICES = ("tenancy", "crm", "billing", "compliance")
HOST = "127.0.0.1"
DATABASE = "carbot"
REPOSITORY = Path(__file__).resolve().parents[3]


class ServicePorts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ports of one service: its API, and the worker's internal one for health and metrics."""

    api: int
    worker: int


class Ports(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every port of a stack, all on 127.0.0.1."""

    gateway: int
    gateway_admin: int
    primary: int
    replica: int
    pgbouncer: int
    nats: int
    nats_monitor: int
    smtp: int
    services: dict[str, ServicePorts]

    @classmethod
    def load(cls, path: Path = REPOSITORY / "deploy/local/ports.toml") -> Self:
        try:
            ports = msgspec.convert(tomllib.loads(path.read_text()), cls)
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise StackError(f"{path}: {error}") from error
        if missing := set(SERVICES) - set(ports.services):
            raise StackError(f"{path} has no ports for {', '.join(sorted(missing))}")
        return ports

    @classmethod
    def assigned(cls, numbers: Sequence[int]) -> Self:
        """Hand out these numbers, `Ports.count()` of them, for a stack beside the one of ports.toml."""
        rest = iter(numbers)
        names = [name for name in cls.__struct_fields__ if name != "services"]
        single = {name: next(rest) for name in names}
        return cls(**single, services={service: ServicePorts(next(rest), next(rest)) for service in SERVICES})

    @classmethod
    def count(cls) -> int:
        return len(cls.__struct_fields__) - 1 + 2 * len(SERVICES)

    def by_name(self) -> dict[str, int]:
        """Every port under a name that a person understands."""
        named = {name: port for name, port in msgspec.structs.asdict(self).items() if name != "services"}
        for service in SERVICES:
            named[f"{service} api"] = self.services[service].api
            named[f"{service} worker"] = self.services[service].worker
        return named


class Home(msgspec.Struct, frozen=True):
    """The folders of one stack."""

    root: Path

    @classmethod
    def find(cls) -> Self:
        """$CARBOT_HOME, else the usual place for the current user."""
        if configured := os.environ.get("CARBOT_HOME"):
            return cls(Path(configured).resolve())
        return cls(Path("/var/lib/carbot") if os.geteuid() == 0 else Path.home() / ".local/share/carbot")

    @property
    def primary(self) -> Path:
        return self.root / "primary"

    @property
    def replica(self) -> Path:
        return self.root / "replica"

    @property
    def pgbouncer(self) -> Path:
        return self.root / "pgbouncer"

    @property
    def nats(self) -> Path:
        return self.root / "nats"

    @property
    def gateway(self) -> Path:
        return self.root / "gateway"

    @property
    def mail(self) -> Path:
        return self.root / "mail"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets.json"

    @property
    def demo(self) -> Path:
        return self.root / "demo.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    def contents(self) -> list[Path]:
        """Return what the stack has put here, also what an interrupted start left unfinished."""
        servers = (self.primary, self.replica, self.pgbouncer, self.nats, self.gateway)
        ours = {path.stem for path in (*servers, self.mail, self.log, self.run, self.secrets, self.demo, self.lock)}
        return [path for path in self.root.iterdir() if path.name.partition(".")[0] in ours]
