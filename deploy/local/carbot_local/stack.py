"""One stack: its folders, its ports, its secrets, and what its pooler can do."""

from typing import Self

import msgspec

from carbot_local import pgbouncer
from carbot_local.credentials import Credentials
from carbot_local.database import address
from carbot_local.layout import DATABASE, HOST, Home, Ports
from carbot_local.postgres import SUPERUSER, Postgres
from carbot_local.users import open_folder


class Stack(msgspec.Struct, frozen=True):
    """What every part of the stack is derived from."""

    home: Home
    ports: Ports
    credentials: Credentials
    statement_cache: int

    @classmethod
    def load(cls, home: Home, ports: Ports) -> Self:
        """Open a stack, or make its folder and its secrets."""
        open_folder(home.root)
        return cls(home, ports, Credentials.load_or_create(home.secrets), pgbouncer.statement_cache())

    @property
    def primary(self) -> Postgres:
        return Postgres(name="primary", folder=self.home.primary, port=self.ports.primary)

    @property
    def replica(self) -> Postgres:
        return Postgres(name="replica", folder=self.home.replica, port=self.ports.replica)

    def dsn_superuser(self, database: str = DATABASE) -> str:
        return address(SUPERUSER, self.credentials.superuser, self.ports.primary, database)

    def dsn_pooled(self, role: str, database: str = DATABASE) -> str:
        return address(role, self.credentials.databases[role], self.ports.pgbouncer, database)

    def dsn_direct(self, role: str) -> str:
        return address(role, self.credentials.databases[role], self.ports.primary, DATABASE)

    def url(self, port: int) -> str:
        return f"http://{HOST}:{port}"
