"""Requests that nobody in good faith would send: each spoils one that would do, in one place."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from interface import Operation

JSON: Final = (b"content-type", b"application/json")
_HUGE: Final = "9" * 400
_MARK: Final = "5d1c0ec8-hostile"

VALUES: Final = (
    *("null", "true", "0", "-1", '""', '" "', "[]", "{}", "[null]"),
    *(r'"\u0000"', r'"a\u0000b"', r'"\ud800"', r'"\udfff\ud800"', r'"\ufeff\u202eabc"', r'"a\r\nX: y"'),
    *("NaN", "-Infinity", "1e400", "-1e400", "1e-400", "2147483648", "9223372036854775808"),
    *(_HUGE, f"-{_HUGE}", f"0.{_HUGE}", f'"{"a" * 100_000}"', f'"{"😀" * 5000}"'),
    *("[" * 500 + "]" * 500, '{"a":' * 500 + "1" + "}" * 500, "[" * 20_000),
    '"\'; DROP TABLE leads; -- ../../etc/passwd %00 {{7*7}} ${jndi:ldap://x} <script>"',
    *('"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59.999999-14:00"', '"2026-02-30"', '"24:00:00"', '"+49\\u00a030"'),
    '"00000000-0000-0000-0000-000000000000"',
)
"""JSON texts that stand where a member's value was; some are none."""

SEGMENTS: Final = (
    *("%00", "a%00b", "..", "%2e%2e", "%2F", "%FF", "%F0%9F", "%ED%A0%80", "'", "%22", "*", "-1", "0", "null"),
    *("00000000-0000-0000-0000-000000000000", "%7B0195a6e2-7c1f-7000-8000-1f9f3d507730%7D", "a" * 5000, _HUGE),
    *("urn:uuid:0195a6e2-7c1f-7000-8000-1f9f3d507730", "0195a6e27c1f700080001f9f3d507730", "%0d%0aX:%20y"),
)
"""Values in paths and queries, percent-encoded."""

ODD_QUERIES: Final = (
    "",
    "%",
    "%zz",
    "1e3",
    "1.0",
    "+1",
    "true",
    "2026-01-01T00:00:00%2B01:00",
    "9999-12-31",
    "a" * 60_000,
)

HEADERS: Final = (
    *(
        (b"if-match", value)
        for value in (b"", b"*", b'"', b'""', b'W/"1"', b'"1", "2"', b'"-1"', b'"1e3"', b"\x80\xff")
    ),
    *((b"if-match", value) for value in (b'"999999999999999999"', b'"9223372036854775808"', b'"' + b"9" * 400 + b'"')),
    *((b"idempotency-key", value) for value in (b"", b'"', b" ", b"a" * 256, b"\xff", b"a b", b"same")),
    *((b"traceparent", value) for value in (b"", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01", b"\xff", b"a" * 5000)),
    *((b"x-request-id", value) for value in (b"", b"' OR 1=1", b"\xff" * 36, b"0" * 36)),
    *((b"carbot-consistency", value) for value in (b"", b"0/0", b"FFFFFFFF/FFFFFFFF", b"-1", b"\xff", b"9" * 400)),
    *((b"x-carbot-key", value) for value in (b"", b"pk", b"pk_", b"\xff", b"pk_" + b"A" * 22 + b"_" + b"A" * 43)),
    *((b"x-forwarded-for", value) for value in (b"", b"::1", b"1.2.3.4, x", b"\xff", b"a" * 5000)),
    *((b"accept", value) for value in (b"", b"text/html", b"application/xml;q=2", b"\xff", b"*/" * 500)),
    *((b"origin", b"null"), (b"origin", b"\xff"), (b"user-agent", b"\xff" * 300), (b"cookie", b"a=\xff; =; ;;")),
    *(
        (b"content-encoding", b"gzip"),
        (b"range", b"bytes=0-"),
        (b"x-http-method-override", b"DELETE"),
        (b"host", b"a:b"),
    ),
    *((b"accept-language", b"\xff"), (b"accept-language", b"de" * 3000), (b"if-none-match", b"*"), (b"expect", b"x")),
)

TYPES: Final = (
    *(
        "",
        "text/plain",
        "application/xml",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/msgpack",
    ),
    *("application/x-www-form-urlencoded", "application/json; charset=utf-16", "application/json, application/json"),
    *("APPLICATION/JSON", "application/json;", "application/problem+json", "json", "*/*", "/", "\xff"),
)

WHOLES: Final = (
    *(
        b"",
        b" ",
        b"{",
        b"}",
        b"null",
        b"[]",
        b"[{}]",
        b'"x"',
        b"0",
        b"NaN",
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"{}{}",
    ),
    *(
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a" 1}',
        b'{"\\ud800": 1}',
        b'{"\xff": 1}',
        b"// x",
        b"--x\r\n\r\n--x--",
        b"a=1&b=2",
    ),
    *(b"[" * 100_000, b'{"a":' * 100_000, b'{"a": ' + b"[" * 2000 + b"]" * 2000 + b"}", b" " * (1024 * 1024 + 1)),
)
"""Bodies that are no object, or none that anybody meant."""


class Known(msgspec.Struct, frozen=True):
    """What stands in an organisation for an operation: a request that would do, and ids."""

    path: str
    body: dict[str, Any] | None
    headers: dict[bytes, bytes]
    ids: Mapping[str, str]
    """Values of members of bodies and queries that are ids."""


class Sent(msgspec.Struct, frozen=True):
    """A request as it goes out, but for who sends it."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""


def hostile(operation: Operation, known: Known, *, step: int = 1) -> Iterator[Sent]:
    """Return one request after the other, each with one thing in it that should not be.

    With a `step`, parameters and members take turns: each of them gets a part of the values, the next one another part.
    """
    yield from _elsewhere(operation, known, step)
    yield from _with_headers(operation, known)
    if known.body is not None:
        yield from _with_bodies(operation, known, known.body, step)


def _elsewhere(operation: Operation, known: Known, step: int) -> Iterator[Sent]:
    good = _good(known)
    for name in operation.parameters("path"):
        others = dict.fromkeys(operation.parameters("path"), "0195a6e2-7c1f-7000-8000-1f9f3d507730")
        for segment in SEGMENTS:
            yield Sent(operation.method, operation.path.format(**{**others, name: segment}), *good)
    names = (*operation.parameters("query"), *(["unknown"] if operation.method == "GET" else ()))
    for number, name in enumerate(names):
        for value in (*SEGMENTS, *ODD_QUERIES)[number % step :: step]:
            yield Sent(operation.method, f"{known.path}?{name}={value}", *good)
    yield Sent(operation.method, f"{known.path}?limit=1&limit=2&=&&%", *good)


def _with_headers(operation: Operation, known: Known) -> Iterator[Sent]:
    """Spoil the headers that the route reads, and those that all read where it costs nothing, as nothing is written."""
    headers, body = _good(known)
    own = {name.lower().encode() for name in operation.parameters("header")}
    own |= {b"idempotency-key"} if operation.method == "POST" else set()
    types = [(JSON[0], content_type.encode("latin-1")) for content_type in TYPES if known.body is not None]
    for name, value in (*HEADERS, *types):
        if operation.method == "GET" or name in own or name == JSON[0]:
            others = tuple(each for each in headers if each[0] != name)
            yield Sent(operation.method, known.path, (*others, (name, value)), body)


def _with_bodies(operation: Operation, known: Known, valid: dict[str, Any], step: int) -> Iterator[Sent]:
    headers, text = _good(known)
    twice = text[:-1] + b", " + text[1:]
    for body in (*WHOLES, text * 2, twice, text[:-1], text.decode().encode("utf-16"), b"\xef\xbb\xbf" + text):
        yield Sent(operation.method, known.path, headers, body)
    places = [("", name) for name in (*valid, "unknown", "__proto__")]
    places += [(inner, name) for inner, value in valid.items() if isinstance(value, dict) for name in value]
    for number, (inner, name) in enumerate(places):
        spoiled: dict[str, Any] = json.loads(text)
        (spoiled[inner] if inner else spoiled)[name] = _MARK
        for value in VALUES[number % step :: step]:
            body = json.dumps(spoiled).replace(f'"{_MARK}"', value).encode()
            yield Sent(operation.method, known.path, headers, body)


def _good(known: Known) -> tuple[tuple[tuple[bytes, bytes], ...], bytes]:
    """Return the headers and the body of a request that would do."""
    if known.body is None:
        return tuple(known.headers.items()), b""
    return (*known.headers.items(), JSON), json.dumps(known.body).encode()
