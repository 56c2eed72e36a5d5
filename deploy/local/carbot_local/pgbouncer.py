"""PgBouncer: the one way to the databases for every service, in transaction mode."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from carbot_local.errors import StackError
from carbot_local.layout import HOST
from carbot_local.processes import run
from carbot_local.programs import Program
from carbot_local.users import private_file, private_folder, system_user

ADMIN = "pgbouncer_admin"
KEEPS_STATEMENTS = (1, 21)
STATEMENT_CACHE = 200

SETTINGS = {
    "pool_mode": "transaction",
    "default_pool_size": "6",
    "reserve_pool_size": "2",
    "reserve_pool_timeout": "1",
    "max_db_connections": "60",
    "max_client_conn": "1000",
    "query_wait_timeout": "2",
    # A statement prepared before a change of its result's type stays broken for as long as its connection lives.
    "server_lifetime": "600",
    "server_idle_timeout": "60",
    "server_connect_timeout": "5",
    "server_login_retry": "1",
    "client_login_timeout": "10",
    # They would be dropped silently all the same: such settings belong to the role.
    "ignore_startup_parameters": "extra_float_digits,options,jit,search_path,statement_timeout,lock_timeout",
    "auth_type": "scram-sha-256",
    "listen_addr": HOST,
    "unix_socket_dir": "",
    "tcp_keepalive": "1",
    "log_connections": "0",
    "log_disconnections": "0",
    "stats_period": "300",
    "admin_users": ADMIN,
    "stats_users": ADMIN,
}


def find() -> Path:
    """Find the one of $CARBOT_PGBOUNCER, or the installed one."""
    configured = os.environ.get("CARBOT_PGBOUNCER")
    found = configured or shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if not found or not Path(found).exists():
        raise StackError("PgBouncer is not installed: install pgbouncer, or set CARBOT_PGBOUNCER")
    return Path(found)


def statement_cache() -> int:
    """Return how many prepared statements a client may keep: 0 with a pooler older than 1.21, which forgets them."""
    version = re.search(r"PgBouncer (\d+)\.(\d+)", run([find(), "--version"]))
    if version is None:
        raise StackError(f"{find()} does not tell its version")
    return STATEMENT_CACHE if (int(version[1]), int(version[2])) >= KEEPS_STATEMENTS else 0


def database(port: int, name: str | None = None) -> str:
    """Say where a database is; without a name, the one that the client asked for."""
    return f"host={HOST} port={port}" + (f" dbname={name}" if name else "")


def configure(folder: Path, *, port: int, databases: Mapping[str, str], users: Mapping[str, str]) -> Program:
    """Write the configuration and say how to start.

    `databases` maps what a client asks for ('*' is anything else) to a place from `database()`.
    """
    private_folder(folder)
    # SCRAM on both sides needs the passwords themselves; the file is as private as the folder.
    private_file(folder / "users.txt", "".join(f'"{user}" "{password}"\n' for user, password in users.items()))
    private_file(folder / "databases.ini", render_databases(databases))
    settings = SETTINGS | {"listen_port": str(port), "auth_file": str(folder / "users.txt")}
    if kept := statement_cache():
        # The default of the first versions that can is 0.
        settings["max_prepared_statements"] = str(kept)
    lines = [
        f"%include {folder / 'databases.ini'}",
        "",
        "[pgbouncer]",
        *(f"{name} = {value}" for name, value in settings.items()),
    ]
    private_file(folder / "pgbouncer.ini", "\n".join([*lines, ""]))
    # INT waits for running transactions; TERM drops them.
    return Program(
        name="pgbouncer",
        argv=(str(find()), str(folder / "pgbouncer.ini")),
        directory=folder,
        user=system_user(),
        stop_signal="INT",
        stop_seconds=10,
    )


def render_databases(databases: Mapping[str, str]) -> str:
    return "\n".join(["[databases]", *(f"{name} = {place}" for name, place in databases.items()), ""])
