"""Lists are keyset pages: a cursor says after which row to go on, and fits only the query that made it."""

import base64
import hashlib
from typing import Annotated, Any

import msgspec
from litestar.params import FromQuery, QueryParameter

from carbot_core.errors import FieldError, Invalid

Limit = FromQuery[Annotated[int, QueryParameter(ge=1, le=200, description="How many items at most")]]
Cursor = FromQuery[
    Annotated[str | None, QueryParameter(max_length=400, description="The next_cursor of the page before")]
]


class InvalidCursor(Invalid):
    """The cursor does not belong to this query: begin again without one."""


class Page[T](msgspec.Struct, frozen=True):
    """A page of a list; next_cursor is null on the last one."""

    items: list[T]
    next_cursor: str | None


class Keyset[P: msgspec.Struct]:
    """Where a page begins and how long it is.

    `position` is a Struct whose fields are those that the list is ordered by; `bound_to` is everything that the query depends
    on, first of all whose it is. Raises InvalidCursor. The seal covers both, so that a cursor whose position was changed fits no
    more; it keeps nobody from making one up, who then sees but rows of his own.
    """

    def __init__(self, position: type[P], *, limit: int, cursor: str | None, bound_to: tuple[object, ...]) -> None:
        self._position = position
        self._bound_to = repr((position.__module__, position.__qualname__, bound_to)).encode()
        self._limit = limit
        self.after: P | None = None if cursor is None else self._read(cursor)

    @property
    def fetch(self) -> int:
        """How many rows to fetch: one more than a page, to know whether there is another."""
        return self._limit + 1

    def page[T](self, rows: list[T]) -> Page[T]:
        """Return the page of the rows that were fetched."""
        if len(rows) <= self._limit:
            return Page(rows, None)
        last = rows[self._limit - 1]
        values = [getattr(last, name) for name in self._position.__struct_fields__]
        return Page(rows[: self._limit], self._sealed(msgspec.msgpack.encode(values)))

    def _sealed(self, values: bytes) -> str:
        seal = hashlib.sha256(self._bound_to + values).digest()[:8]
        return base64.urlsafe_b64encode(seal + values).decode().rstrip("=")

    def _read(self, cursor: str) -> P:
        try:
            packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[8:]
            # Compared as it is written: base64 has several ways to write the same.
            if cursor == self._sealed(packed):
                values: list[Any] = msgspec.msgpack.decode(packed, type=list[Any])
                return msgspec.convert(dict(zip(self._position.__struct_fields__, values, strict=True)), self._position)
        except (ValueError, msgspec.MsgspecError):
            pass
        raise InvalidCursor(errors=(FieldError("cursor", "Begin again without a cursor"),))
