"""Query strings, read strictly: what a route does not know is refused, for a filter that is silently ignored shows too much."""

from collections.abc import Iterable
from typing import Any, Final, Self
from urllib.parse import parse_qsl

import msgspec
from litestar import Request

from carbot_core.errors import FieldError, Invalid

QUERY: Final = "query_parameters"
_MOST: Final = 100


class InvalidQuery(Invalid):
    """The query is not valid: see errors."""


class Parameters(msgspec.Struct, frozen=True):
    """What a route takes in its query, and what of it any number of times."""

    names: frozenset[str]
    lists: frozenset[str]

    @classmethod
    def of(cls, definitions: Iterable[Any]) -> Self:
        known = {each.field_alias: each.is_sequence for each in definitions}
        return cls(frozenset(known), frozenset(name for name, is_list in known.items() if is_list))


async def read_strictly(request: Request[Any, Any, Any]) -> None:
    """Raise InvalidQuery for parameters that are unknown, repeated or no text; runs after the guards."""
    query: bytes = request.scope["query_string"]
    if query:
        errors = _wrong(query, request.route_handler.opt[QUERY])
        if errors:
            raise InvalidQuery(errors=errors)


def _wrong(query: bytes, parameters: Parameters) -> tuple[FieldError, ...]:
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST)
    except ValueError:
        return (FieldError("", "The query is not made of percent-encoded UTF-8, or is too long"),)
    seen: set[str] = set()
    errors: list[FieldError] = []
    for name, value in pairs:
        if name not in parameters.names:
            errors.append(FieldError("", "There is a parameter that is not known here"))
        elif name in seen and name not in parameters.lists:
            errors.append(FieldError(name, "Send it once"))
        elif "\x00" in value:
            errors.append(FieldError(name, "Send text without NUL"))
        seen.add(name)
    return tuple(errors)
