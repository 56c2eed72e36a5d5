"""Reads on the primary: each statement is a transaction of its own and carries its context with it, in one round trip."""

from typing import Any, LiteralString, Never, cast, override

from carbot_core.context import SETTINGS, Context
from carbot_core.db import Database, Method, Tx, acquire

_wrapped: dict[str, LiteralString] = {}


class Reading(Tx):
    """What queries are given where nothing is written.

    PostgreSQL's default isolation gives each statement a snapshot of its own, in a transaction and without one, so that several
    statements see the same as they would in one transaction. Between them no connection is held. Whatever is no SELECT is a
    syntax error.
    """

    def __init__(self, database: Database, context: Context) -> None:
        self._database = database
        self._role = "rw"
        self.context = context
        self.leaves_work = False

    @override
    async def go_on_as(self, context: Context) -> None:
        self.context = context

    @override
    def savepoint(self) -> Never:
        raise RuntimeError("a read has nothing to undo")

    @override
    async def commit(self) -> None:
        """Do nothing: every statement was a transaction."""

    @override
    async def rollback(self) -> None:
        """Do nothing: every statement was a transaction."""

    @override
    async def call(self, method: Method, sql: LiteralString, *values: object) -> Any:
        pool = self._database.primary
        once = Tx(pool, await acquire(pool, self._role), self.context, role=self._role, on_commit=None)
        try:
            return await once.call(method, in_context(sql, len(values)), *values, *self.context.settings())
        finally:
            await once.release()


def in_context(sql: LiteralString, count: int) -> LiteralString:
    """Return the SELECT, of so many values, with the settings of its context as further values.

    The subqueries end in OFFSET 0, so that the planner neither merges nor prunes them, and the second refers to the first: it
    cannot begin before the settings are made. If it ever did, row security would see no context and give no row.
    """
    known = _wrapped.get(sql)
    if known is None:
        named = enumerate(SETTINGS, start=count + 1)
        settings = ", ".join(f"set_config('{name}', ${place}, true)" for place, name in named)
        known = _wrapped[sql] = cast(
            "LiteralString",
            f"""
            SELECT answer.*
            FROM
                (SELECT concat({settings}, set_config('transaction_read_only', 'on', true)) AS entered OFFSET 0) context,
                LATERAL (SELECT asked.* FROM ({sql}) asked WHERE context.entered IS NOT NULL OFFSET 0) answer
            """,
        )
    return known
