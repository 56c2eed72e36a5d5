"""Values that a field must refuse, by what its schema says it is."""

import json
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from interface import Document, Operation, document

from carbot_core.web.examples import resolve

_MARK: Final = "4c1d9a70-spoiled"
_DEEP: Final = "[" * 10_000 + "]" * 10_000

EVERYWHERE: Final = (
    r'"\u0000"',
    r'"a\u0000b"',
    r'"\ud800"',
    r'"\udfff\ud800"',
    "1e400",
    "NaN",
    _DEEP,
    '{"a":' * 10_000,
)
"""What no field takes."""

BY_FORMAT: Final[dict[str, tuple[str, ...]]] = {
    "date-time": (
        '"2026-07-01T10:00:00"',
        '"2026-02-30T10:00:00Z"',
        '"2026-07-01T25:00:00Z"',
        '"2026-07-01"',
        '"infinity"',
        '"0001-01-01T00:00:00+14:00"',
        '"9999-12-31T23:59:59-12:00"',
        "1700000000",
        "9223372036854775808",
    ),
    "date": ('"2026-02-30"', '"0000-01-01"', '"infinity"', '"2026-07-01T10:00:00Z"', "20260701"),
    "time": ('"25:00"', '"10:60"', '"now"', "10"),
    "uuid": ('"0195a6e2"', "1", '"%00"'),
    "integer": ("9223372036854775808", "-9223372036854775809", "1.5", '"1"', "true", "9" * 5000),
    "number": ('"1"', "true", "1e999"),
    "boolean": ("1", '"true"', "0"),
    "string": ("9223372036854775808", "[]", "{}", "true"),
    "array": ('"a"', "{}", "1", f"[{_DEEP}]"),
    "object": ('"a"', "[]", "1"),
}


class Member(msgspec.Struct, frozen=True):
    """A member of a body, or of an object in it."""

    inner: str
    name: str
    kind: str


def members(operation: Operation, body: dict[str, Any]) -> Iterator[Member]:
    """Return the members that a body may have, on its first two levels."""
    content = operation.body()
    assert content is not None
    for name, schema in _properties(operation, content["schema"]).items():
        yield Member("", name, _kind(operation, schema))
        if isinstance(body.get(name), dict):
            for inner, below in _properties(operation, schema).items():
                yield Member(name, inner, _kind(operation, below))


def spoil(body: dict[str, Any], member: Member) -> Iterator[bytes]:
    """Return bodies in which one member has a value that it cannot have."""
    spoiled: dict[str, Any] = json.loads(json.dumps(body))
    (spoiled[member.inner] if member.inner else spoiled)[member.name] = _MARK
    text = json.dumps(spoiled)
    for value in (*EVERYWHERE, *BY_FORMAT.get(member.kind, ())):
        yield text.replace(f'"{_MARK}"', value).encode()


def repeat(body: dict[str, Any]) -> Iterator[bytes]:
    """Return bodies in which a member stands twice, at the top or in an object."""
    text = json.dumps(body)
    for name, value in body.items():
        again = f"{json.dumps(name)}: {json.dumps(value)}"
        yield f"{text[:-1]}, {again}}}".encode()
        yield f"{text[:-1]}, {again.replace(name, name.replace(name[0], f'\\u{ord(name[0]):04x}', 1), 1)}}}".encode()


def _properties(operation: Operation, schema: Document) -> dict[str, Document]:
    found: dict[str, Document] = _resolved(operation, schema).get("properties", {})
    return found


def _kind(operation: Operation, schema: Document) -> str:
    schema = _resolved(operation, schema)
    kind = schema.get("format") or schema.get("type") or ""
    return kind if isinstance(kind, str) else next(each for each in kind if each != "null")


def _resolved(operation: Operation, schema: Document) -> Document:
    return resolve(schema, document(operation.service)["components"]["schemas"])
