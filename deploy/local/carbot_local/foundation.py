"""What the services stand on: PostgreSQL, PgBouncer, NATS, the mail sink."""

import asyncio
import shutil
import time
from collections.abc import Callable

import asyncpg

from carbot_local import database, mail_sink, nats, pgbouncer, postgres
from carbot_local.errors import StackError
from carbot_local.layout import DATABASE
from carbot_local.processes import answers
from carbot_local.programs import Program
from carbot_local.services import consumers
from carbot_local.stack import Stack
from carbot_local.supervisor import Supervisor


def configure(stack: Stack) -> list[Program]:
    """Write everything that the servers read and say how to start them, all but the replica."""
    postgres.initialise(stack.primary, stack.credentials.superuser)
    postgres.configure(stack.primary)
    passwords = {**stack.credentials.databases, pgbouncer.ADMIN: stack.credentials.pooler_admin}
    pooler = pgbouncer.configure(
        stack.home.pgbouncer,
        port=stack.ports.pgbouncer,
        databases={
            DATABASE: pgbouncer.database(stack.ports.primary, DATABASE),
            f"{DATABASE}_ro": pgbouncer.database(stack.ports.replica, DATABASE),
        },
        users=passwords,
    )
    broker = nats.configure(
        stack.home.nats,
        port=stack.ports.nats,
        monitor=stack.ports.nats_monitor,
        seeds=stack.credentials.nats,
        consumers=consumers(),
    )
    return [stack.primary.program(), pooler, broker, mail_sink.program(stack.home, stack.ports)]


def start(stack: Stack, supervisor: Supervisor) -> None:
    """Start them in order, until the database is bootstrapped, the replica follows and the broker answers."""
    supervisor.start("data")
    wait_until(stack.primary.ready, "primary", supervisor)
    try:
        lost = asyncio.run(prepare(stack))
    except (asyncpg.PostgresError, OSError) as error:
        raise StackError(f"the primary cannot be prepared: {error}") from error
    if lost:
        shutil.rmtree(stack.home.replica, ignore_errors=True)
    password = stack.credentials.replication
    postgres.clone(stack.replica, stack.primary, password)
    postgres.configure(stack.replica, primary=stack.primary, replication_password=password)
    supervisor.start("replica")
    for name, port in (("pgbouncer", stack.ports.pgbouncer), ("nats", stack.ports.nats), ("mail", stack.ports.smtp)):
        wait_until(lambda port=port: answers(port), name, supervisor)
    wait_until(stack.replica.ready, "replica", supervisor)


async def prepare(stack: Stack) -> bool:
    """Bring the primary to what bootstrap.sql and our passwords say; return whether the replica must be built again."""
    async with database.connected(stack.dsn_superuser("postgres")) as connection:
        lost = await database.prepare_replication(connection, stack.credentials.replication)
        await database.create_database(connection, DATABASE)
    async with database.connected(stack.dsn_superuser()) as connection:
        await database.bootstrap(connection)
        await database.set_passwords(connection, stack.credentials.databases)
    return lost


def wait_until(ready: Callable[[], bool], name: str, supervisor: Supervisor, seconds: float = 60) -> None:
    """Wait until a program answers; raise StackError when supervisord gives up on one, or it takes too long."""
    end = time.monotonic() + seconds
    while not ready():
        supervisor.complain()
        if time.monotonic() > end:
            raise StackError(f"{name} is not ready after {seconds:.0f} s: {supervisor.last_words(name)}")
        time.sleep(0.05)
