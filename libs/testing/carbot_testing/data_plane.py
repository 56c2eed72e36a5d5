"""A private PostgreSQL with a replica and PgBouncer, and a private NATS: free ports, temporary folders, durable if asked to be."""

import asyncio
import os
import secrets
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from csv import DictReader
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Self

import asyncpg
import msgspec
import psutil

from carbot_local import database, nats, pgbouncer, postgres
from carbot_local.errors import StackError
from carbot_local.layout import HOST
from carbot_local.postgres import Postgres
from carbot_local.processes import Server, answers, free_ports, run
from carbot_local.temporary import remove, temporary_folder

PASSWORD = "a-password-for-tests"
TEMPLATE = "carbot_bootstrapped"


class Description(msgspec.Struct, frozen=True):
    """What another process needs to use a data plane that this one started."""

    folder: str
    primary: int
    replica: int
    pgbouncer: int
    superuser_password: str
    pids: dict[str, int]


class DataPlane:
    """Primary, streaming replica and PgBouncer of one test run.

    One process starts it, from its main thread, and the kernel ends it with that thread, even when that is killed. Others
    `attach` to its description and use everything except `stop`.
    """

    def __init__(self, description: Description, servers: Mapping[str, Server] | None = None) -> None:
        self._description = description
        self._servers = dict(servers or {})

    @classmethod
    def start(cls, *, durable: bool = False, settings: Mapping[str, str] | None = None) -> Self:
        """Start the servers, with PostgreSQL's `settings`; raise StackError when one is not installed or does not come up.

        Only a `durable` one waits for the disk, as `make up` does.
        """
        folder = temporary_folder("data-plane")
        servers: dict[str, Server] = {}
        try:
            return cls(_start(folder, servers, durable=durable, settings=settings or {}), servers)
        except BaseException:
            _stop(servers, folder)
            raise

    @classmethod
    def attach(cls, description: str) -> Self:
        """Use the data plane that another process described."""
        return cls(msgspec.json.decode(description, type=Description))

    def describe(self) -> str:
        """Describe it as JSON, for `attach` in another process."""
        return msgspec.json.encode(self._description).decode()

    def stop(self) -> None:
        """End the servers and remove their folder."""
        _stop(self._servers, Path(self._description.folder))

    @property
    def pids(self) -> dict[str, int]:
        """The processes by name: primary, replica, pgbouncer."""
        return self._description.pids

    def dsn(self, name: str, role: str) -> str:
        """Return the address of a database through PgBouncer, as a service uses it."""
        return database.address(role, PASSWORD, self._description.pgbouncer, name)

    def dsn_ro(self, name: str, role: str) -> str:
        """Return the address of the same database on the replica, through PgBouncer."""
        return database.address(role, PASSWORD, self._description.pgbouncer, f"{name}_ro")

    def dsn_direct(self, name: str, role: str) -> str:
        """Return the address of a database on the primary itself, as `migrate` and `maintain` use it."""
        return database.address(role, PASSWORD, self._description.primary, name)

    def dsn_superuser(self, name: str = "postgres", *, replica: bool = False) -> str:
        """Return the superuser's address of a database on the primary, or on the replica, itself."""
        port = self._description.replica if replica else self._description.primary
        return database.address(postgres.SUPERUSER, self._description.superuser_password, port, name)

    async def create_database(self, name: str, template: str | None = None, *, pool: int | None = None) -> None:
        """Create a database as a copy of a template that nobody is connected to; without one, it is just bootstrapped.

        It returns when the replica has it too and PgBouncer serves both; with `pool` it opens at most so many server
        connections for each role.
        """
        async with database.connected(self.dsn_superuser()) as connection:
            await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template or TEMPLATE}" STRATEGY FILE_COPY')
            await database.grant_database(connection, name)
        lines = [f"{name}_ro = {pgbouncer.database(self._description.replica, name)}\n"]
        if pool is not None:
            primary = pgbouncer.database(self._description.primary, name)
            lines.append(f"{name} = {primary} pool_size={pool} reserve_pool=0\n")
        await asyncio.gather(self._add_to_pooler(*lines), self.wait_for_replica())

    async def drop_database(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        async with database.connected(self.dsn_superuser()) as connection:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def wait_for_replica(self, seconds: float = 10) -> None:
        """Wait until the replica has replayed all that is committed now; raise TimeoutError."""
        async with database.connected(self.dsn_superuser()) as connection:
            position: int = await connection.fetchval("SELECT pg_current_wal_insert_lsn()")
        async with database.connected(self.dsn_superuser(replica=True)) as connection, asyncio.timeout(seconds):
            await _until_true(connection, "SELECT pg_last_wal_replay_lsn() >= $1", position)

    async def pause_replica(self) -> None:
        """Let the replica fall behind: it answers, but replays nothing until `resume_replica`."""
        async with database.connected(self.dsn_superuser(replica=True)) as connection, asyncio.timeout(10):
            await connection.execute("SELECT pg_wal_replay_pause()")
            await _until_true(connection, "SELECT pg_get_wal_replay_pause_state() = 'paused'")

    async def resume_replica(self) -> None:
        async with database.connected(self.dsn_superuser(replica=True)) as connection:
            await connection.execute("SELECT pg_wal_replay_resume()")

    def signal(self, server: str, name: str) -> None:
        """Send a signal by its short name to 'primary', 'replica' or 'pgbouncer': STOP and CONT freeze PgBouncer."""
        os.kill(self._description.pids[server], signal.Signals[f"SIG{name}"])

    def freeze(self, server: str) -> None:
        """Stop a server and all its children: connections stay open and nothing answers, until `thaw`."""
        parent = psutil.Process(self._description.pids[server])
        # The parent first: it makes no child that would be missed.
        parent.suspend()
        for child in parent.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.suspend()

    def thaw(self, server: str) -> None:
        parent = psutil.Process(self._description.pids[server])
        for process in (*parent.children(recursive=True), parent):
            with suppress(psutil.NoSuchProcess):
                process.resume()

    async def replicate_synchronously(self) -> None:
        """Acknowledge from now on only what the replica has on its disk too, as production does."""
        async with database.connected(self.dsn_superuser()) as connection, asyncio.timeout(10):
            await connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'replica'")
            await connection.execute("SELECT pg_reload_conf()")
            await _until_true(connection, "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')")

    async def promote_replica(self) -> None:
        """Make the replica a primary; the other one is not told."""
        async with database.connected(self.dsn_superuser(replica=True)) as connection:
            await connection.execute("SELECT pg_promote()")

    async def demote_primary(self) -> None:
        """Let the primary refuse every write, and keep its connections."""
        async with database.connected(self.dsn_superuser()) as connection:
            await connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            await connection.execute("SELECT pg_reload_conf()")

    async def point_pooler_at_replica(self, name: str) -> None:
        """Let PgBouncer bring a database's clients to the replica, as an operator does after a failover."""
        path = Path(self._description.folder) / "pgbouncer/databases.ini"
        with path.open("a") as file:
            file.write(f"{name} = {pgbouncer.database(self._description.replica, name)}\n")
        await self.reload_pooler()

    async def reload_pooler(self) -> None:
        """Let PgBouncer read its configuration again."""
        async with database.connected(self.dsn_pooler()) as connection:
            await connection.execute("RELOAD")

    async def pools(self) -> list[dict[str, str]]:
        """Return what PgBouncer says of its pools."""
        # Its console does not speak the protocol of prepared statements, the only one in which asyncpg reads rows.
        command = [postgres.find("psql"), "--csv", "--no-psqlrc", "--command", "SHOW POOLS", self.dsn_pooler()]
        return list(DictReader((await asyncio.to_thread(run, command)).splitlines()))

    def pid(self, server: str) -> int:
        return self._description.pids[server]

    def kill(self, server: str) -> None:
        """End one of them as a crash would."""
        self._servers[server].stop("KILL")

    def start_again(self, server: str) -> None:
        """Start one that has ended, without waiting for it; from the main thread."""
        if not self._servers[server].running():
            self._servers[server] = self._servers[server].again()
            self._description.pids[server] = self._servers[server].pid

    async def route(self, name: str, port: int) -> None:
        """Let PgBouncer reach the primary's database by another port: that of a proxy before it."""
        await self._add_to_pooler(name, f"{name} = {pgbouncer.database(port, name)}\n")

    def dsn_pooler(self) -> str:
        """Return the address of PgBouncer's own console."""
        return database.address(pgbouncer.ADMIN, PASSWORD, self._description.pgbouncer, "pgbouncer")

    async def _add_to_pooler(self, *lines: str) -> None:
        path = Path(self._description.folder) / "pgbouncer/databases.ini"
        # Several test processes add theirs at the same time.
        with path.open("r+") as file:
            flock(file, LOCK_EX)
            known = file.readlines()
            file.writelines(line for line in lines if line not in known)
        await self.reload_pooler()


async def _until_true(connection: asyncpg.Connection, query: str, *arguments: object) -> None:
    while True:
        if await connection.fetchval(query, *arguments):
            return
        await asyncio.sleep(0.01)


def _start(folder: Path, servers: dict[str, Server], *, durable: bool, settings: Mapping[str, str]) -> Description:
    primary_port, replica_port, pooler_port = free_ports(3)
    superuser_password, replication_password = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    primary = Postgres(name="primary", folder=folder / "primary", port=primary_port, durable=durable, settings=settings)
    replica = Postgres(name="replica", folder=folder / "replica", port=replica_port, durable=durable, settings=settings)

    postgres.initialise(primary, superuser_password)
    postgres.configure(primary)
    # QUIT is the immediate shutdown: what dies with its folder need not tidy up.
    servers["primary"] = Server(primary.program(), folder / "primary.log", signal_at_death="QUIT")
    servers["primary"].wait_until(primary.ready)
    asyncio.run(_prepare(primary.port, superuser_password, replication_password))

    postgres.clone(replica, primary, replication_password)
    postgres.configure(replica, primary=primary, replication_password=replication_password)
    servers["replica"] = Server(replica.program(), folder / "replica.log", signal_at_death="QUIT")
    pooler = pgbouncer.configure(
        folder / "pgbouncer",
        port=pooler_port,
        databases={"*": pgbouncer.database(primary.port)},
        users=dict.fromkeys([*database.LOGINS, pgbouncer.ADMIN], PASSWORD),
    )
    servers["pgbouncer"] = Server(pooler, folder / "pgbouncer.log")
    servers["pgbouncer"].wait_until(lambda: answers(pooler_port))
    servers["replica"].wait_until(replica.ready)
    pids = {name: server.pid for name, server in servers.items()}
    return Description(str(folder), primary_port, replica_port, pooler_port, superuser_password, pids)


async def _prepare(port: int, superuser_password: str, replication_password: str) -> None:
    async with database.connected(
        database.address(postgres.SUPERUSER, superuser_password, port, "postgres")
    ) as connection:
        await database.prepare_replication(connection, replication_password)
        await database.create_database(connection, TEMPLATE)
    async with database.connected(
        database.address(postgres.SUPERUSER, superuser_password, port, TEMPLATE)
    ) as connection:
        await database.bootstrap(connection)
        await database.set_passwords(connection, dict.fromkeys(database.LOGINS, PASSWORD))


def _stop(servers: Mapping[str, Server], folder: Path) -> None:
    for name in reversed(list(servers)):
        servers[name].stop("KILL" if name == "pgbouncer" else "QUIT")
    remove(folder)


class NatsServer:
    """One NATS server with JetStream and the permissions of the given services; start it from the main thread.

    It keeps its port, its keys and its streams over `stop`, `kill` and `start`, until `close` removes them.
    """

    def __init__(self, consumers: Mapping[str, Sequence[nats.Consumer]], *, durable: bool = False) -> None:
        self._folder = temporary_folder("nats")
        self.port, self.monitor_port = free_ports(2)
        self._seeds = {name: nats.new_seed() for name in (nats.PROVISION, *consumers)}
        self._program = nats.configure(
            self._folder,
            port=self.port,
            monitor=self.monitor_port,
            seeds=self._seeds,
            consumers=consumers,
            durable=durable,
        )
        self._server: Server | None = None

    @property
    def url(self) -> str:
        return f"nats://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        return self._running().pid

    def seed(self, user: str) -> str:
        """Return the nkey seed of a service, or of 'provision', who may do everything."""
        return self._seeds[user]

    def start(self) -> None:
        """Start it and wait until it takes connections; raise StackError if it does not."""
        self.start_again()
        self._running().wait_until(lambda: answers(self.port))

    def start_again(self) -> None:
        """Start it if it has ended, without waiting for it; from the main thread."""
        if self._server is None or not self._server.running():
            self._server = Server(self._program, self._folder / "nats.log")

    def stop(self) -> None:
        """End it in order, so that clients are told."""
        self._running().stop()

    def kill(self) -> None:
        """End it as a crash would."""
        self._running().stop("KILL")

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers, until `resume`."""
        self._running().signal("STOP")

    def resume(self) -> None:
        self._running().signal("CONT")

    def close(self) -> None:
        """End it and remove its folder."""
        if self._server is not None:
            self._server.stop("KILL")
        remove(self._folder)

    def _running(self) -> Server:
        if self._server is None:
            raise StackError("this NATS server was never started")
        return self._server
