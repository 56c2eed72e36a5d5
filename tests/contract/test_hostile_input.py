"""Values that no field may have, sent to every operation of every service as a process: refused with their place, each of them."""

import asyncio
from itertools import cycle, islice
from typing import Final

import pytest
from catalogue_data import SERVICES
from interface import Operation, named, operations
from processes import Apis
from resources import Side
from sides import body_of, path_of
from spoiled import members, repeat, spoil
from wire import Answer

pytestmark = pytest.mark.usefixtures("apis_stay_well")

ALL: Final = operations()
WITH_BODY: Final = [each for each in ALL if each.body()]
TYPES: Final = (
    "text/plain",
    "application/xml",
    "application/json; charset=utf-16",
    "application/json; charset=latin-1",
    "application/jsonx",
    "application/json, text/plain",
    "multipart/form-data; boundary=x",
)
SECONDS: Final = 3.0
AT_ONCE: Final = 60
"""Of the largest bodies, to one process."""


def is_refused(answer: Answer, operation: Operation, *statuses: int) -> bool:
    """Tell whether it is a problem document of these statuses; who has to show a key first may be told so."""
    return answer.problem is not None and answer.status in {*statuses, *(() if operation.scope else (401,))}


def is_wrong_password(answer: Answer) -> bool:
    """Tell whether it was taken as the password that it stands for, which may be any text, once or once too often."""
    return answer.problem is not None and answer.problem["code"] in {"wrong_credentials", "too_many_failures"}


@named(WITH_BODY)
async def test_field_refuses_what_it_cannot_be(operation: Operation, apis: Apis, side: Side) -> None:
    body = body_of(operation, side)
    path = await path_of(operation, side)
    for member in members(operation, body):
        for text in spoil(body, member):
            answer = await apis.send(operation, side, path=path, body=text)
            assert is_refused(answer, operation, 400, 422) or is_wrong_password(answer), (member, text[:300], answer)
            assert answer.seconds < SECONDS


@named(WITH_BODY)
async def test_body_refuses_a_member_that_is_there_twice(operation: Operation, apis: Apis, side: Side) -> None:
    for text in repeat(body_of(operation, side)):
        answer = await apis.send(operation, side, body=text)
        assert is_refused(answer, operation, 422), (text, answer)


@named(WITH_BODY)
async def test_body_is_nothing_but_json_in_utf8(operation: Operation, apis: Apis, side: Side) -> None:
    good = str(body_of(operation, side)).encode()
    for content_type in TYPES:
        answer = await apis.send(operation, side, f"content-type: {content_type}", body=good)
        assert is_refused(answer, operation, 415), (content_type, answer)
    for headers in (
        ["content-type: application/json", "content-type: application/json"],
        ["content-type: application/json", "content-encoding: gzip"],
        ["x-content-type: application/json", "content-type:"],
    ):
        answer = await apis.send(operation, side, *headers, body=good)
        assert is_refused(answer, operation, 415), (headers, answer)
    for body in (b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000, b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b"\x00"):
        answer = await apis.send(operation, side, body=body)
        assert is_refused(answer, operation, 400, 422), (body[:40], answer)
    assert is_refused(await apis.send(operation, side, body=b" " * 10_000_000), operation, 413)


@named(ALL)
async def test_address_refuses_what_is_no_text(operation: Operation, apis: Apis, side: Side) -> None:
    for name in operation.parameters("path"):
        others = dict.fromkeys(operation.parameters("path"), "0195a6e2-7c1f-7000-8000-1f9f3d507730")
        for segment in ("%00", "a%00", "%FF", "%zz", "%", "%ED%A0%80", "%C0%AF", "%2e%2e%2f", "9" * 400, "a" * 60_000):
            path = operation.path.format(**{**others, name: segment})
            answer = await apis.send(operation, side, path=path)
            assert is_refused(answer, operation, 400, 404, 422), (segment[:40], answer)
            assert answer.seconds < SECONDS
    queries = ["nobody=knows", "limit=%FF", "%00=1", "nobody[]=1", "a=1&" * 200, "limit=1&limit=1"]
    for query in queries:
        answer = await apis.send(operation, side, query=f"?{query}")
        assert is_refused(answer, operation, 422), (query, answer)
    for name, schema in operation.parameters("query").items():
        for value in ("%00", "%FF", "%ED%A0%80", "a%00b"):
            answer = await apis.send(operation, side, query=f"?{name}={value}")
            assert is_refused(answer, operation, 422), (name, value, answer)
        if schema.get("type") != "array":
            answer = await apis.send(operation, side, query=f"?{name}=1&{name}=1")
            assert is_refused(answer, operation, 422), (name, answer)


async def test_many_at_once_leave_the_memory_alone(apis: Apis, side: Side) -> None:
    largest = b'{"a":"' + b"a" * 1_000_000 + b'"}'
    for service in SERVICES:
        asked = islice(cycle(each for each in WITH_BODY if each.service == service), AT_ONCE)
        answers = await asyncio.gather(*(apis.send(each, side, body=largest) for each in asked))
        assert {answer.status for answer in answers} <= {401, 422, 503}
