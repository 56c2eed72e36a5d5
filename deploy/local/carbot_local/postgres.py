"""PostgreSQL: a primary, and a replica that follows it."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from carbot_local.errors import StackError
from carbot_local.layout import HOST, REPOSITORY
from carbot_local.processes import run, succeeds
from carbot_local.programs import Program
from carbot_local.users import private_file, private_folder, system_user

SUPERUSER = "postgres"
REPLICATION = "carbot_replication"
SLOT = "carbot_replica"
OLDEST = 15
INSTALLED = Path("/usr/lib/postgresql")

# A stack for tests may be forgotten at any moment, so it does not wait for a disk.
FORGETFUL = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "autovacuum_naptime": "60s",
    "wal_retrieve_retry_interval": "100ms",
}


class Postgres(msgspec.Struct, frozen=True, kw_only=True):
    """One PostgreSQL server. `durable=False` is for tests: it would lose its data with the power."""

    name: str
    folder: Path
    port: int
    durable: bool = True
    settings: Mapping[str, str] = {}
    """What is different on this server."""

    def program(self) -> Program:
        # INT is the fast shutdown: TERM would wait for every client.
        return Program(
            name=self.name,
            argv=(str(find("postgres")), "-D", str(self.folder)),
            user=system_user(),
            stop_signal="INT",
            stop_seconds=60,
        )

    def exists(self) -> bool:
        return (self.folder / "PG_VERSION").exists()

    def ready(self) -> bool:
        """Say whether it takes connections."""
        return succeeds([find("pg_isready"), "-q", "-h", HOST, "-p", str(self.port), "-U", SUPERUSER, "-t", "2"])


def find(program: str) -> Path:
    """Find a program of the newest PostgreSQL that has pg_partman, or of $CARBOT_PG_BINDIR."""
    if folder := os.environ.get("CARBOT_PG_BINDIR"):
        folders = [Path(folder)]
    else:
        folders = [path for path in INSTALLED.glob("*/bin") if path.parent.name.isdigit()]
        folders.sort(key=lambda path: (_has_partman(path), int(path.parent.name)), reverse=True)
        folders += [Path(on_path).resolve().parent for on_path in [shutil.which("postgres")] if on_path]
    for candidate in folders:
        if (path := candidate / program).exists():
            return path
    raise StackError(f"no PostgreSQL {OLDEST} or newer has {program}: install postgresql, or set CARBOT_PG_BINDIR")


def _has_partman(folder: Path) -> bool:
    return Path("/usr/share/postgresql", folder.parent.name, "extension/pg_partman.control").exists()


def initialise(server: Postgres, superuser_password: str) -> None:
    """Make the primary's data folder; does nothing when there is one."""
    if server.exists():
        return
    password = server.folder.with_name(f"{server.name}.password")
    private_file(password, superuser_password)
    command = [find("initdb"), "-U", SUPERUSER, "--pwfile", password, "--auth", "scram-sha-256", "--data-checksums"]
    command += ["--encoding", "UTF8", "--locale", "C.UTF-8", "--no-instructions"]
    try:
        _fill(server, command, {})
    finally:
        password.unlink()


def clone(server: Postgres, primary: Postgres, replication_password: str) -> None:
    """Make the replica's data folder as a copy of the running primary; does nothing when there is one."""
    if server.exists():
        return
    command = [find("pg_basebackup"), "-h", HOST, "-p", str(primary.port), "-U", REPLICATION, "--no-password"]
    command += ["--checkpoint", "fast", "--wal-method", "stream", "--slot", SLOT]
    _fill(server, command, {"PGPASSWORD": replication_password})


def _fill(server: Postgres, command: Sequence[str | Path], environment: dict[str, str]) -> None:
    # Under another name until it is whole: what is left of an interrupted start must not pass for a server.
    unfinished = server.folder.with_name(f"{server.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    private_folder(unfinished)
    words = [*command, "-D", unfinished, *([] if server.durable else ["--no-sync"])]
    run(words, user=system_user(), environment=environment)
    unfinished.rename(server.folder)


def configure(server: Postgres, *, primary: Postgres | None = None, replication_password: str = "") -> None:
    """Write the server's configuration, that of a replica when it is given a primary."""
    settings = {
        "port": str(server.port),
        "listen_addresses": HOST,
        "unix_socket_directories": "",
        "cluster_name": server.name,
        **({} if server.durable else FORGETFUL),
        **server.settings,
    }
    if primary is not None:
        private_file(server.folder / "standby.signal", "")
        settings["primary_slot_name"] = SLOT
        settings["primary_conninfo"] = (
            f"host={HOST} port={primary.port} user={REPLICATION} password={replication_password} "
            f"application_name={server.name}"
        )
    fragment = (REPOSITORY / "deploy/postgres/postgresql.conf").read_text()
    private_file(server.folder / "postgresql.conf", fragment + _render(settings))
    private_file(server.folder / "postgresql.auto.conf", "")
    private_file(server.folder / "pg_hba.conf", (REPOSITORY / "deploy/postgres/pg_hba.conf").read_text())


def _render(settings: Mapping[str, str]) -> str:
    lines = [f"{name} = '{value.replace("'", "''")}'" for name, value in settings.items()]
    return "\n".join(["", "# This server", *lines, ""])
