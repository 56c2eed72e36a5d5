"""Requests for an operation: what its document admits, what it does not, and what nobody in good faith would send."""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import requests
import schemathesis
from hypothesis import strategies as st
from interface import Operation, ids_in_body, ids_in_query
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

JSON: Final = "application/json"
_BASE: Final = "http://service"
_HUGE: Final = "9" * 400

VALUES: Final = (
    *("null", "true", "0", "-1", '""', '" "', "[]", "{}", "[null]", '{"": {}}'),
    *(r'"\u0000"', r'"a\u0000b"', r'"\ud800"', r'"\udfff\ud800"', r'"\ufeff"', r'"\u202eabc"', r'"\r\nX: y"'),
    *("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "-0.0", "2147483648", "9223372036854775808"),
    *(_HUGE, f"-{_HUGE}", f"0.{_HUGE}", f'"{_HUGE}"', f'"{"a" * 100_000}"', f'"{"😀" * 5000}"'),
    *("[" * 500 + "]" * 500, '{"a":' * 500 + "1" + "}" * 500, "[" * 20_000),
    *('"\'; DROP TABLE leads; --"', '"../../etc/passwd"', '"%00"', '"{{7*7}}"', '"${jndi:ldap://x}"', '"<script>"'),
    *('"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59.999999-14:00"', '"2026-02-30"', '"-infinity"', '"24:00:00"'),
    *('"00000000-0000-0000-0000-000000000000"', '"ffffffff-ffff-ffff-ffff-ffffffffffff"', '"+49\\u00a030"'),
)
"""JSON texts that stand where a member's value was; some are none."""

SEGMENTS: Final = (
    *("%00", "a%00b", "..", "%2e%2e", "%2F", "%FF", "%F0%9F", "%ED%A0%80", "'", "%22", "*", "-1", "0", "null"),
    *("00000000-0000-0000-0000-000000000000", "%7B0195a6e2-7c1f-7000-8000-1f9f3d507730%7D", "a" * 5000, _HUGE),
    *("urn:uuid:0195a6e2-7c1f-7000-8000-1f9f3d507730", "0195a6e27c1f700080001f9f3d507730", "%0d%0aX:%20y"),
)
"""Values in paths and queries, percent-encoded."""

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
    *((b"content-encoding", b"gzip"), (b"range", b"bytes=0-"), (b"x-http-method-override", b"DELETE"), (b"host", b"")),
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


def sent(operation: Operation, described: APIOperation[Any, Any, Any, Any], known: Known) -> st.SearchStrategy[Sent]:
    """Return the requests of an operation: of the document, against it, and hostile ones, as often each."""
    admitted, refused = (described.as_strategy(generation_mode=mode) for mode in GenerationMode)
    of_document = [
        st.builds(_of_document, strategy, st.just(operation), st.just(known), st.sampled_from(is_known))
        for strategy, is_known in ((admitted, (True, True, False)), (refused, (True, False)))
    ]
    return st.one_of(*of_document, _hostile(operation, known))


def _of_document(case: Case[Any], operation: Operation, known: Known, is_known: bool) -> Sent:
    """Return what Schemathesis made; where `is_known`, with ids and entity tags of what is there."""
    if is_known and isinstance(case.body, dict):
        replaced = {name: known.ids[name] for name in ids_in_body(operation) if name in case.body}
        case.body = {**case.body, **{n: [v] if isinstance(case.body[n], list) else v for n, v in replaced.items()}}
    if is_known:
        case.query = {**case.query, **{n: known.ids[n] for n in ids_in_query(operation) if n in case.query}}
    prepared = requests.Request(**case.as_transport_kwargs(base_url=_BASE)).prepare()
    url = urlsplit(str(prepared.url))
    path = known.path if is_known else url.path
    headers = {_bytes(name).lower(): _bytes(value) for name, value in prepared.headers.items()}
    headers |= known.headers if is_known else {}
    body = prepared.body if isinstance(prepared.body, bytes) else str(prepared.body or "").encode()
    return Sent(
        operation.method, f"{path}?{url.query}" if url.query else path, _without(headers, b"authorization"), body
    )


def _without(headers: Mapping[bytes, bytes], *names: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name, value) for name, value in headers.items() if name not in {*names, b"content-length"})


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1", "replace")


@st.composite
def _hostile(draw: st.DrawFn, operation: Operation, known: Known) -> Sent:
    """Spoil what a request that would do says, where it goes, or both."""
    path, query, body = known.path, "", b""
    headers = {**known.headers}
    if known.body is not None:
        headers[b"content-type"] = JSON.encode()
        body = draw(_contents(known.body))
        if draw(st.integers(0, 5)) == 0:
            headers[b"content-type"] = draw(st.sampled_from(TYPES)).encode("latin-1")
    match draw(st.sampled_from(("nothing", "path", "query", "header", "header"))):
        case "path":
            segment = draw(st.sampled_from(SEGMENTS))
            path = operation.path.format(**dict.fromkeys(operation.parameters("path"), segment))
        case "query":
            names = [*operation.parameters("query"), "limit", "unknown"]
            pairs = st.tuples(st.sampled_from(names), st.sampled_from((*SEGMENTS, "", "%zz", "1", "1e3")))
            query = "&".join(f"{name}={value}" for name, value in draw(st.lists(pairs, min_size=1, max_size=4)))
        case "header":
            name, value = draw(st.sampled_from(HEADERS))
            headers[name] = value
        case _:
            pass
    return Sent(operation.method, f"{path}?{query}" if query else path, _without(headers), body)


def _contents(valid: dict[str, Any]) -> st.SearchStrategy[bytes]:
    text = json.dumps(valid)
    wholes = (*WHOLES, text.encode() * 2, text[:-1].encode(), text.encode("utf-16"), b"\xef\xbb\xbf" + text.encode())
    return st.one_of(_spoiled(valid), _spoiled(valid), st.sampled_from(wholes), st.just(text.encode()))


@st.composite
def _spoiled(draw: st.DrawFn, valid: dict[str, Any]) -> bytes:
    """Put a hostile value in the place of a member's, of a member within, or beside them; or say a member twice."""
    body: dict[str, Any] = json.loads(json.dumps(valid))
    inner = [name for name, value in body.items() if isinstance(value, dict)]
    target = body[draw(st.sampled_from(inner))] if inner and draw(st.booleans()) else body
    name = draw(st.sampled_from([*target, *target, "unknown", "__proto__", "organization_id"]))
    value = draw(st.sampled_from(VALUES))
    mark = "5d1c0ec8-hostile"
    twice = draw(st.booleans()) and name in target and f'"{name}": {json.dumps(target[name])}, '
    target[name] = mark
    return json.dumps(body).replace(f'"{name}": "{mark}"', f'{twice or ""}"{name}": {value}').encode()


def described(document: dict[str, Any]) -> dict[str, APIOperation[Any, Any, Any, Any]]:
    """Return Schemathesis' view of a document, by operation id."""
    schema = schemathesis.openapi.from_dict(document)
    schema.config.generation.update(with_security_parameters=False)
    found = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    return {each.definition.raw["operationId"]: each for each in found}
