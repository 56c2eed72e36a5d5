"""The only way to the database: a transaction that knows for whom it runs.

Services come through PgBouncer in transaction mode, so nothing here outlives a transaction: no SET, no session lock, no
LISTEN. asyncpg's reset is switched off, since it would hit a stranger's connection.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal, LiteralString, Self
from uuid import UUID

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

from carbot_core import statements, telemetry
from carbot_core.context import Context
from carbot_core.errors import Conflict, DatabaseUnavailable, Invalid, Unavailable

type Connection = PoolConnectionProxy[asyncpg.Record]
type Pool = asyncpg.Pool[asyncpg.Record]
type Method = Literal["fetchrow", "fetch", "fetchval", "execute"]
"""Those of asyncpg's connection that a transaction calls."""

ACQUIRE_SECONDS = 2.0
REPLICA_SECONDS = 0.5
"""How long a replica may take to begin; then the primary is asked, within the request's own deadline."""
COMMAND_SECONDS = 10.0

_CONFLICTS = frozenset({"40001", "40P01"})
_BUSY = frozenset({"55P03", "57014"})
_NO_RESOURCES = "53"
_DEAD = frozenset({"25006", "25P03", "57P01", "57P02", "57P03", "57P05"})
_REPLICA_BEHIND = "55R01"


class TransactionConflict(Unavailable):
    """Somebody changed the same at the same moment: try again."""


class InvalidValue(Invalid):
    """A value cannot be stored."""


class ConstraintViolated(Conflict):
    """The change contradicts what is stored."""


class ReplicaBehind(Exception):
    """The replica has not yet replayed what the reader has written."""


class Tx:
    """A transaction in somebody's name: what queries are given. Ends by `commit` or `rollback`, once."""

    def __init__(
        self,
        pool: Pool,
        connection: Connection,
        context: Context,
        *,
        role: str,
        on_commit: Callable[[], None] | None,
    ) -> None:
        self._pool = pool
        self._connection: Connection | None = connection
        self._dead = False
        self._role = role
        self._on_commit = on_commit
        self.context = context
        self.leaves_work = False
        """Whether a worker has something to do once this is committed: an event to carry, a timer to watch."""

    @property
    def organization_id(self) -> UUID:
        if self.context.organization_id is None:
            raise RuntimeError("this transaction has no organisation in its context")
        return self.context.organization_id

    async def first[T](self, kind: type[T], sql: LiteralString, *values: object) -> T | None:
        """Return the first row as `kind`, or None."""
        row = await self.call("fetchrow", sql, *values)
        return None if row is None else msgspec.convert(dict(row), kind)

    async def one[T](self, kind: type[T], sql: LiteralString, *values: object) -> T:
        """Return the only row as `kind`; raise LookupError if there is none."""
        row = await self.first(kind, sql, *values)
        if row is None:
            raise LookupError("a statement that always returns a row returned none")
        return row

    async def all[T](self, kind: type[T], sql: LiteralString, *values: object) -> list[T]:
        """Return every row as `kind`."""
        rows = await self.call("fetch", sql, *values)
        return msgspec.convert([dict(row) for row in rows], list[kind])

    async def value[T](self, kind: type[T], sql: LiteralString, *values: object) -> T | None:
        """Return the first column of the first row, or None."""
        found = await self.call("fetchval", sql, *values)
        return None if found is None else msgspec.convert(found, kind)

    async def execute(self, sql: LiteralString, *values: object) -> int:
        """Run a statement; return how many rows it touched."""
        tag = await self.call("execute", sql, *values)
        count = tag.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def enter(self, organization_id: UUID | None) -> None:
        """Go on in the context of this organisation, for whoever meets it only when the row is taken; or of none."""
        await self.go_on_as(msgspec.structs.replace(self.context, organization_id=organization_id))

    async def go_on_as(self, context: Context) -> None:
        """Go on for somebody else: a worker's transaction may do so for organisations in turn."""
        if context == self.context:
            return
        self.context = context
        await self.execute(
            """
            SELECT set_config('carbot.organization', $1, true), set_config('carbot.user', $2, true),
                set_config('carbot.actor', $3, true), set_config('carbot.workshops', $4, true),
                set_config('carbot.request', $5, true), set_config('carbot.trace', $6, true)
            """,
            *context.settings(),
        )

    @asynccontextmanager
    async def within(self, organization_id: UUID | None) -> AsyncGenerator[None]:
        """Do what is inside in the context of this organisation, or of none, then return to the one before."""
        home = self.context.organization_id
        await self.enter(organization_id)
        yield
        await self.enter(home)

    @asynccontextmanager
    async def savepoint(self) -> AsyncGenerator[None]:
        """Undo what happens inside if it raises, and keep the transaction."""
        await self.execute("SAVEPOINT inner_step")
        try:
            yield
        except BaseException:
            if not self._dead and self._connection is not None:
                await self.execute("ROLLBACK TO SAVEPOINT inner_step")
            raise
        await self.execute("RELEASE SAVEPOINT inner_step")

    async def commit(self) -> None:
        """Make it so; raise DatabaseUnavailable if the answer was lost: then it may or may not be so."""
        try:
            tag = await self.call("execute", "COMMIT")
        finally:
            await self.release()
        if tag != "COMMIT":
            raise RuntimeError("an error inside the transaction was swallowed: the database rolled it back")
        if self.leaves_work and self._on_commit is not None:
            self._on_commit()

    async def rollback(self) -> None:
        """Undo everything; never raises, since the transaction is over in any case."""
        if self._connection is None:
            return
        try:
            if not self._dead:
                await self._connection.execute("ROLLBACK")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
            self._dead = True
        except BaseException:
            self._dead = True
            raise
        finally:
            await self.release()

    @property
    def _open(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("the transaction has ended")
        return self._connection

    async def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._dead or _is_in_transaction(connection):
            discard(connection)
        await self._pool.release(connection)

    async def call(self, method: Method, sql: LiteralString, *values: object) -> Any:
        try:
            with telemetry.statement(sql, self._role):
                return await getattr(self._open, method)(sql, *values)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
            refusal = translate(error)
            self._dead = self._dead or isinstance(refusal, DatabaseUnavailable)
            if refusal is None:
                raise
            raise refusal from error
        except asyncio.CancelledError:
            # The cancel request may still be on its way: nobody else must get this connection.
            self._dead = True
            raise


def translate(error: Exception) -> Unavailable | InvalidValue | ConstraintViolated | None:
    """Return what a database error means to the one who asked, or None if it is a fault of ours."""
    if isinstance(error, (asyncpg.DataError, asyncpg.exceptions.DataError)):
        return InvalidValue()
    state = error.sqlstate if isinstance(error, asyncpg.PostgresError) else None
    if state is None or state in _DEAD or state.startswith("08"):
        return DatabaseUnavailable(sqlstate=state, cause=type(error).__name__)
    refusal: Unavailable | InvalidValue | ConstraintViolated | None = None
    if state in _CONFLICTS:
        refusal = TransactionConflict(sqlstate=state)
    elif state in _BUSY or state.startswith(_NO_RESOURCES):
        refusal = Unavailable(sqlstate=state)
    elif state.startswith("22"):
        refusal = InvalidValue(sqlstate=state)
    elif state.startswith("23"):
        refusal = ConstraintViolated(sqlstate=state, constraint=getattr(error, "constraint_name", None))
    return refusal


async def acquire(pool: Pool, role: str) -> Connection:
    """Take a connection from the pool; raise DatabaseUnavailable."""
    try:
        with telemetry.acquiring(role):
            return await pool.acquire(timeout=ACQUIRE_SECONDS)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        raise DatabaseUnavailable(cause=type(error).__name__) from error


def _is_in_transaction(connection: Connection) -> bool:
    """Tell whether the transaction is still open, as after a COMMIT that was cancelled; of a connection that has just been lost: yes."""
    try:
        return connection.is_in_transaction()
    except asyncpg.InterfaceError:
        return True


def discard(connection: Connection) -> None:
    """End a connection that nobody else must get; of one that the server has ended the pool has let go already."""
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


async def _no_reset(_connection: object) -> None:
    """Every setting is local to its transaction, and the pooler would reset somebody else's connection."""


def _encode_jsonb(value: object) -> bytes:
    """Encode for the binary form of jsonb, which begins with its version."""
    return b"\x01" + msgspec.json.encode(value)


def _decode_jsonb(raw: bytes) -> object:
    return msgspec.json.decode(memoryview(raw)[1:])


async def _register_codecs(connection: Any) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=_encode_jsonb,
        decoder=_decode_jsonb,
    )


async def open_pool(url: str, *, statement_cache: int, size: int = 10) -> Pool:
    """Open a pool of at most `size` connections; the first is made when it is needed."""
    return await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        init=_register_codecs,
        connection_class=statements.Connection,
        reset=_no_reset,
        statement_cache_size=statement_cache,
        max_cached_statement_lifetime=0,
        timeout=ACQUIRE_SECONDS,
        command_timeout=COMMAND_SECONDS,
        max_inactive_connection_lifetime=120,
    )


class Database:
    """The primary, and the replicas for those who bear staleness."""

    def __init__(self, primary: Pool, replica: Pool | None = None) -> None:
        self.primary = primary
        self.replica = replica
        self.on_write: Callable[[], None] | None = None
        """Called after each commit that leaves work for a worker. Not after every one: the worker's own would never let it rest."""
        self._reading: asyncio.Task[str | None] | None = None
        self._next: asyncio.Task[str | None] | None = None

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, url: str, replica_url: str | None = None, *, statement_cache: int = 0
    ) -> AsyncGenerator[Self]:
        """Open the pools, and close them in the end."""
        primary = await open_pool(url, statement_cache=statement_cache)
        replica = await open_pool(replica_url, statement_cache=statement_cache) if replica_url else None
        database = cls(primary, replica)
        telemetry.watch(database)
        try:
            yield database
        finally:
            for pool in (primary, replica):
                if pool is not None:
                    pool.terminate()

    async def begin(self, context: Context, *, read_only: bool = False) -> Tx:
        """Begin a transaction on the primary; the caller ends it."""
        return await self._begin(self.primary, context, read_only=read_only, replay=None, role="rw")

    async def begin_stale(self, context: Context, *, seen: int | None) -> Tx:
        """Begin a read that bears staleness, yet sees the position `seen`; on the primary if no replica is that far."""
        if self.replica is not None and seen is not None:
            try:
                async with asyncio.timeout(REPLICA_SECONDS):
                    return await self._begin(self.replica, context, read_only=True, replay=seen, role="ro")
            except (ReplicaBehind, Unavailable, TimeoutError):
                telemetry.replica_fallbacks.add(1)
        return await self.begin(context, read_only=True)

    @asynccontextmanager
    async def transaction(self, context: Context, *, read_only: bool = False) -> AsyncGenerator[Tx]:
        """Run a transaction: commit at the end, roll back if it raises."""
        tx = await self.begin(context, read_only=read_only)
        try:
            yield tx
        except BaseException:
            await tx.rollback()
            raise
        await tx.commit()

    def in_use(self) -> dict[str, int]:
        """Return how many connections are in use, by role."""
        pools = {"rw": self.primary, "ro": self.replica}
        return {role: pool.get_size() - pool.get_idle_size() for role, pool in pools.items() if pool is not None}

    async def position(self) -> str | None:
        """Return a write-ahead log position at or after everything committed before this call; None if it cannot be read.

        One read in flight serves all that commit before it starts: callers join the read that has not started yet.
        """
        if self._next is None or self._next.done():
            self._next = asyncio.create_task(self._read_position(self._reading))
        return await asyncio.shield(self._next)

    async def _read_position(self, before: asyncio.Task[str | None] | None) -> str | None:
        if before is not None and not before.done():
            await asyncio.wait({before})
        self._reading, self._next = self._next, None
        try:
            return str(await self.primary.fetchval("SELECT pg_current_wal_insert_lsn()::text", timeout=ACQUIRE_SECONDS))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
            # What was committed is committed: its answer goes out without a position, and the next read to the primary.
            return None

    async def _begin(self, pool: Pool, context: Context, *, read_only: bool, replay: int | None, role: str) -> Tx:
        connection = await acquire(pool, role)
        tx = Tx(pool, connection, context, role=role, on_commit=self.on_write)
        try:
            await connection.execute(context.begin(read_only=read_only, replay=replay))
        except BaseException as error:
            if isinstance(error, asyncpg.PostgresError) and error.sqlstate == _REPLICA_BEHIND:
                await tx.rollback()
                raise ReplicaBehind from None
            discard(connection)
            await pool.release(connection)
            if isinstance(error, (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)):
                raise translate(error) or DatabaseUnavailable(cause=type(error).__name__) from error
            raise
        return tx


def parse_position(text: str | None) -> int | None:
    """Return the log position in the text (as in 0/16B3748), or None if there is none."""
    if text is None or not re.fullmatch(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}", text):
        return None
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) | int(low, 16)
