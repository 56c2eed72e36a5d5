"""What is no HTTP, or too much of it, or too slow, on the socket of every service's process."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Final

import pytest
from catalogue_data import SERVICES
from interface import Operation, operations
from processes import Apis
from resources import Side
from wire import Answer, ask, ask_with, request

pytestmark = pytest.mark.usefixtures("apis_stay_well")

GUARDED: Final = [each for each in operations() if each.scope]
READS: Final = {each.service: each for each in GUARDED if each.method == "GET" and not each.parameters("path")}
WRITES: Final = {each.service: each for each in reversed(GUARDED) if each.body()}
TYPE: Final = "content-type: application/json"
CHUNKED: Final = "transfer-encoding: chunked"
DEADLINE: Final = 2.5
IDLE: Final = 30.0
"""What the server gives a head, and a connection without a request: more than the gateway keeps one open."""

each_service = pytest.mark.parametrize("service", SERVICES)
each_with_bodies = pytest.mark.parametrize("service", WRITES)

BROKEN: Final[dict[str, bytes]] = {
    "noise": b"\x00\x01\x02\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 200 + b"\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/9.9": b"GET / HTTP/9.9\r\n\r\n",
    "a NUL in the path": b"GET /\x00 HTTP/1.1\r\nhost: a\r\n\r\n",
    "no UTF-8 in the path": b"GET /\xff HTTP/1.1\r\nhost: a\r\n\r\n",
    "a NUL in a header": b"GET / HTTP/1.1\r\nhost: a\r\nx: a\x00b\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nhost: a\r\nx: a\r\n b\r\n\r\n",
    "a space before a colon": b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length : 4\r\n\r\nabcd",
    "a path of 100 000 letters": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n",
    "a query of a million letters": b"GET /?" + b"a" * 1_000_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n",
    "1 000 headers": b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: y\r\n" * 1000 + b"\r\n",
    "a header of a million letters": b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 1_000_000 + b"\r\n\r\n",
}

LENGTHS: Final[dict[str, tuple[tuple[str, ...], bytes]]] = {
    "two lengths": (("content-length: 2", "content-length: 3"), b"{} "),
    "a list of lengths": (("content-length: 2, 3",), b"{} "),
    "a negative one": (("content-length: -1",), b"{}"),
    "one with a sign": (("content-length: +2",), b"{}"),
    "one in hexadecimal": (("content-length: 0x2",), b"{}"),
    "one of 2^64": (("content-length: 18446744073709551616",), b"{}"),
    "one of 2^63 - 1": (("content-length: 9223372036854775807",), b"{}"),
    "length and chunks": (("content-length: 2", CHUNKED), b"2\r\n{}\r\n0\r\n\r\n"),
    "chunks and length": ((CHUNKED, "content-length: 2"), b"2\r\n{}\r\n0\r\n\r\n"),
    "another coding": (("transfer-encoding: xchunked",), b"2\r\n{}\r\n0\r\n\r\n"),
    "two codings": (("transfer-encoding: gzip, chunked",), b"2\r\n{}\r\n0\r\n\r\n"),
    "chunked twice": (("transfer-encoding: chunked, chunked",), b"2\r\n{}\r\n0\r\n\r\n"),
    "chunked in two headers": ((CHUNKED, CHUNKED), b"2\r\n{}\r\n0\r\n\r\n"),
    "identity": (("transfer-encoding: identity",), b"{}"),
    "a size that is none": ((CHUNKED,), b"zz\r\n{}\r\n0\r\n\r\n"),
    "a negative size": ((CHUNKED,), b"-2\r\n{}\r\n0\r\n\r\n"),
    "a size of 2^68": ((CHUNKED,), b"fffffffffffffffff\r\n{}\r\n"),
    "an extension without end": ((CHUNKED,), b"2;" + b"a" * 100_000 + b"\r\n{}\r\n0\r\n\r\n"),
    "trailers without end": ((CHUNKED,), b"2\r\n{}\r\n0\r\n" + b"a: b\r\n" * 100_000 + b"\r\n"),
    "a chunk without its end": ((CHUNKED,), b"2\r\n{}}}}}\r\n0\r\n\r\n"),
}

LARGEST: Final = [
    b'{"message":"' + b"a" * 1_048_560 + b'"}',
    b"[" + b"[]," * 349_524 + b"[]]",
    b'{"notes":[' + b"1," * 524_280 + b"1]}",
    b"[" + b'{"a":[]},' * 116_507 + b'"aa"]',
    b"{" + b",".join(b'"%06d":1' % number for number in range(95_324)) + b"}",
]


def post(apis: Apis, side: Side, service: str, *headers: str, body: bytes = b"", length: bool = False) -> bytes:
    operation = WRITES[service]
    path = operation.path.format(**dict.fromkeys(operation.parameters("path"), side.owner))
    extra = ['if-match: "1"'] if "If-Match" in operation.parameters("header") else []
    return request(operation.method, path, *apis.headers(side), *extra, *headers, body=body, length=length)


def get(apis: Apis, side: Side, operation: Operation, *headers: str) -> bytes:
    return request("GET", operation.path, *apis.headers(side), *headers)


def is_refused(answer: Answer) -> bool:
    """Tell whether it is a problem of the asker's, or none because there was no request yet."""
    return answer.is_of_the_server or (answer.problem is not None and 400 <= answer.status < 500)


@each_service
@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN)
async def test_what_is_no_request_ends_the_connection(service: str, sent: bytes, apis: Apis) -> None:
    answer = await ask(apis.port(service), sent, within=3)
    assert answer.status == 0 or is_refused(answer)


@each_with_bodies
@pytest.mark.parametrize(("headers", "body"), LENGTHS.values(), ids=LENGTHS)
async def test_body_whose_end_is_in_doubt_is_refused(
    service: str, headers: tuple[str, ...], body: bytes, apis: Apis, side: Side
) -> None:
    answer = await ask(apis.port(service), post(apis, side, service, TYPE, *headers, body=body), within=4)
    assert is_refused(answer), answer
    # Of a length beside chunks the server tells nobody; it reads the chunks alone, as RFC 9112 allows.
    assert answer.status in {400, 413} or "content-length: 2" in headers


@each_with_bodies
async def test_nothing_is_smuggled_behind_a_body(service: str, apis: Apis, side: Side) -> None:
    behind = get(apis, side, READS[service])
    for headers in (("content-length: 4", CHUNKED), (CHUNKED, "content-length: 4")):
        sent = post(apis, side, service, TYPE, *headers, body=b"0\r\n\r\n") + behind
        reader, writer = await asyncio.open_connection("127.0.0.1", apis.port(service))
        writer.write(sent)
        async with asyncio.timeout(5):
            received = await reader.read(65536)
            received += await asyncio.wait_for(reader.read(65536), 1) if b"HTTP/1.1 400" in received else b""
        writer.transport.abort()
        assert b"HTTP/1.1 200" not in received


@each_service
async def test_host_is_there_once(service: str, apis: Apis, side: Side) -> None:
    good = get(apis, side, READS[service])
    assert (await ask(apis.port(service), good)).status in {200, 404}
    for host in (b"", b"host: a\r\nhost: b\r\n", b"host: a:b\r\n"):
        answer = await ask(apis.port(service), good.replace(b"host: service\r\n", host))
        assert (answer.status, answer.problem is not None) == (400, True)


@each_with_bodies
async def test_compressed_body_is_not_opened(service: str, apis: Apis, side: Side) -> None:
    bomb = gzip.compress(b" " * 100_000_000)
    for headers in ((TYPE, "content-encoding: gzip"), (TYPE, "content-encoding: deflate, gzip")):
        answer = await ask(apis.port(service), post(apis, side, service, *headers, body=bomb, length=True))
        assert (answer.status, answer.problem is not None) == (415, True)


@each_with_bodies
async def test_body_without_end_ends(service: str, apis: Apis, side: Side) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield post(apis, side, service, TYPE, CHUNKED)
        while True:
            yield b"ffff\r\n" + b" " * 65535 + b"\r\n"

    answer = await ask_with(apis.port(service), endless(), within=4)
    assert (answer.status, answer.problem is not None) == (413, True)


@each_with_bodies
async def test_a_crowd_of_the_largest_bodies_is_answered(service: str, apis: Apis, side: Side) -> None:
    megabyte = 1024 * 1024
    crowd = [LARGEST[turn % len(LARGEST)] for turn in range(80)]
    assert all(megabyte - 16 <= len(body) <= megabyte for body in crowd)
    asked = [ask(apis.port(service), post(apis, side, service, TYPE, body=body, length=True)) for body in crowd]
    answers = await asyncio.gather(*asked)
    assert {(each.status in {422, 503}, each.problem is not None) for each in answers} == {(True, True)}


async def test_slow_body_is_given_up(apis: Apis, side: Side) -> None:
    slow: dict[str, tuple[str, list[bytes]]] = {
        "half": ("content-length: 100", [b"{"]),
        "drop by drop": (CHUNKED, [b"1\r\n \r\n"] * 100),
        "a chunk that does not come": (CHUNKED, [b"ffffffffffffffff\r\n{"]),
    }
    asked = [
        ask(apis.port(service), post(apis, side, service, TYPE, length), *pieces, *[b""] * 100, pause=0.1, within=10)
        for service in WRITES
        for length, pieces in slow.values()
    ]
    for answer in await asyncio.gather(*asked):
        assert (answer.status, answer.problem is not None) == (408, True), answer
        assert DEADLINE <= answer.seconds < DEADLINE + 2


async def test_head_that_does_not_come_is_given_up(apis: Apis) -> None:
    heads = {
        "nothing": [b""],
        "half a line": [b"GET /api"],
        "header by header": [b"GET / HTTP/1.1\r\n", *[b"x: y\r\n"] * 60],
    }
    asked = [
        ask(apis.port(service), *pieces, *[b""] * 60, pause=1, within=IDLE + 5)
        for service in SERVICES
        for pieces in heads.values()
    ]
    for answer in await asyncio.gather(*asked):
        assert (answer.status, answer.body) in {(0, b""), (408, b"")}
