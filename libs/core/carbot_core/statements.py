"""One round trip for a statement, also behind a pooler that keeps no prepared statements."""

from typing import Any, cast

import asyncpg

_KEPT = 1000


class Connection(asyncpg.Connection):  # pyright: ignore[reportMissingTypeArgument] - it takes one only in its stubs
    """A connection that asks only once for the types of a statement's parameters and columns.

    Without its statement cache asyncpg asks each time, which is one round trip, and sends the statement with the next. The types are
    those of the database, whichever of its connections the pooler gives us, and no migration changes one in place
    (architecture, section 4). So they are kept here, and the statement itself goes along, nameless, each time.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._described: dict[tuple[object, ...], Any] = {}

    async def _get_statement(self, query: str, timeout: float | None, **how: Any) -> Any:  # noqa: ASYNC109 - asyncpg's own
        describe = cast("Any", super())._get_statement  # noqa: SLF001 - the one place where asyncpg decides this
        if self._stmt_cache_enabled or how.get("named") or not how.get("use_cache", True):
            return await describe(query, timeout, **how)
        key = (query, how.get("record_class"), how.get("ignore_custom_codec"))
        described = self._described.get(key)
        if described is None:
            described = await describe(query, timeout, **how)
            if len(self._described) >= _KEPT:
                self._described.clear()
            self._described[key] = described
        return described

    def _drop_local_statement_cache(self) -> None:
        self._described.clear()
        cast("Any", super())._drop_local_statement_cache()  # noqa: SLF001 - the same
