"""Whatever is sent, the answer is documented: no fault, refusals as problem documents, and soon.

`make test` sends the same examples each time; `make fuzz` sends many more, from a seed that it prints.
"""

import asyncio
import os
import re
from collections.abc import Awaitable, Iterator
from functools import cache
from itertools import count, islice
from typing import Any, Final, Protocol, cast
from uuid import UUID

import httpx
import pytest_asyncio
from documented import described, sent
from hostile import Known, Sent, hostile
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from interface import Operation, document, ids_in_body, ids_in_query, named, operations
from resources import Side, guest_headers, id_of
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sides import ROLES, body_of, found_side, path_of

from carbot_contracts.tenancy import Role
from carbot_core.db import Database
from carbot_core.web.edge import Edge
from carbot_testing.founding import TENANCY, Founder
from carbot_testing.issuer import Issuer
from carbot_testing.mailbox import Mailbox
from carbot_testing.plugin import Connect

EXAMPLES: Final = os.environ.get("CARBOT_FUZZ_EXAMPLES")
"""How many of each operation; without it 20, the same each time."""
STEP: Final = 1 if EXAMPLES else 3
"""`make test` puts a third of the hostile values into each member of a body, `make fuzz` every one."""
SECONDS: Final = 5.0
"""Twice what the edge gives a request."""
CHECKS: Final = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
LEAKS: Final = re.compile(r"Traceback|asyncpg|litestar|\bSELECT\b|\bINSERT\b|carbot_[a-z]+\.|\.py\b")
ROLE: Final = st.one_of(*[st.sampled_from(ROLES[:1])] * 2, st.sampled_from(ROLES))
"""Mostly the owner, the first, who gets furthest."""


class Home(Protocol):
    """Returns an organisation to ask in, a new one if need be."""

    def __call__(self, operation: Operation, *, anew: bool = False) -> Awaitable[Side]: ...


@cache
def described_operation(service: str, operation_id: str) -> APIOperation[Any, Any, Any, Any]:
    return described(document(service))[operation_id]


@pytest_asyncio.fixture(scope="session")
async def home(
    edges: dict[str, Edge], workers: None, mailbox: Mailbox, connect: Connect, worker_databases: dict[str, Database]
) -> Home:
    """An organisation to ask in; another one when what was asked has closed it or its workshop."""
    sides: list[Side] = []
    last = ""

    async def home(operation: Operation, *, anew: bool = False) -> Side:
        nonlocal last
        may_close = operation.service == "tenancy" and operation.method != "GET"
        if anew or not sides or ((may_close or operation.id != last) and not await _is_open(sides[-1])):
            sides.append(await found_side(Founder(edges["tenancy"], mailbox), connect, worker_databases))
        last = operation.id
        return sides[-1]

    return home


async def _is_open(side: Side) -> bool:
    organization = await side.clients["tenancy"].get(f"{TENANCY}/organizations/current")
    workshop = await side.clients["tenancy"].get(f"{TENANCY}/workshops/{side.workshops[0]}")
    return (
        organization.status_code == workshop.status_code == 200
        and organization.json()["status"] in {"trial", "active"}
        and workshop.json()["is_active"]
    )


async def _stand(operation: Operation, home: Home) -> tuple[Side, Known]:
    """Return an organisation, and what stands in it for an operation."""
    side = await home(operation)
    try:
        return side, await _known(operation, side)
    except httpx.HTTPStatusError:
        # What was sent before may have locked its owner out.
        side = await home(operation, anew=True)
        return side, await _known(operation, side)


async def _known(operation: Operation, side: Side) -> Known:
    """Return what stands in an organisation for an operation, with rows that nobody has touched."""
    path = await path_of(operation, side)
    headers = await guest_headers(side) if operation.scope is None and operation.parameters("header") else {}
    if "If-Match" in operation.parameters("header"):
        headers[b"if-match"] = await _entity_tag(side.clients[operation.service], path)
    return Known(
        path=path,
        body=body_of(operation, side),
        ids={
            name: await id_of(side, operation.service, name)
            for name in (*ids_in_body(operation), *ids_in_query(operation))
        },
        headers=headers,
    )


async def _entity_tag(client: httpx.AsyncClient, path: str) -> bytes:
    """Return the tag of the row that a path names, where it can be read; else that of a new one."""
    row = re.match(r".*/[0-9a-f-]{36}(?![^/])", path)
    answer = await client.get(row[0]) if row else None
    return (answer.headers.get("etag", '"1"') if answer else '"1"').encode()


@named(operations())
@settings(
    max_examples=int(EXAMPLES or 20),
    derandomize=EXAMPLES is None,
    deadline=None,
    database=None,
    # Each example changes what the next one meets, so a smaller one would prove nothing.
    phases=(Phase.generate,),
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large),
)
@given(data=st.data())
async def test_each_answer_is_documented(
    operation: Operation,
    home: Home,
    edges: dict[str, Edge],
    issuer: Issuer,
    data: st.DataObject,
) -> None:
    side, known = await _stand(operation, home)
    about = described_operation(operation.service, operation.id)
    request = data.draw(sent(operation, about, known), "request")
    role = data.draw(ROLE, "role") if operation.scope else None
    answer = await _answer(edges[operation.service], request, _bearer(issuer, side, role))
    event(f"{answer.status_code}")
    _is_no_fault(answer, request)
    if _is_at(request, operation):
        # Schemathesis would make the request anew, which is too hostile for it.
        answer.request = httpx.Request(operation.method, "http://service")
        case = about.Case(path_parameters=dict.fromkeys(operation.parameters("path"), "any"))
        case.validate_response(answer, checks=CHECKS)


@named(operations())
async def test_nothing_hostile_is_a_fault(
    operation: Operation, home: Home, edges: dict[str, Edge], issuer: Issuer
) -> None:
    side, known = await _stand(operation, home)
    requests: Iterator[Sent] = hostile(operation, known, step=STEP)
    for number in count(1):
        request = next(requests, None)
        if request is None:
            break
        bearer = _bearer(issuer, side, "owner" if operation.scope else None)
        answer = await _answer(edges[operation.service], request, bearer)
        _is_no_fault(answer, request)
        assert not _is_at(request, operation) or str(answer.status_code) in operation.text["responses"], request
        if answer.status_code < 300 and operation.method != "GET":
            # It had an effect: go on with rows that nobody has touched.
            side, known = await _stand(operation, home)
            requests = islice(hostile(operation, known, step=STEP), number, None)


def _is_no_fault(answer: httpx.Response, request: Sent) -> None:
    assert answer.status_code < 500, request
    # What the caller sent may come back, as the name of a field that nobody knows.
    sent = request.target + request.body.decode(errors="replace")
    assert [each[0] for each in LEAKS.finditer(answer.text) if each[0] not in sent] == [], (request, answer.text)
    if answer.status_code >= 400:
        _is_problem(answer)


def _bearer(issuer: Issuer, side: Side, role: Role | None) -> tuple[tuple[bytes, bytes], ...]:
    """Return a token of a session of its own: requests end sessions, too."""
    if role is None:
        return ()
    token = issuer.token(UUID(side.id), role, user_id=UUID(side.owner) if role == "owner" else None)
    return ((b"authorization", f"Bearer {token}".encode()),)


_addresses: Final = (f"198.18.{number >> 8 & 255}.{number & 255}" for number in count())


@cache
def _caller(edge: Edge) -> tuple[httpx.ASGITransport, httpx.AsyncClient]:
    transport = httpx.ASGITransport(cast("Any", edge), raise_app_exceptions=False)
    return transport, httpx.AsyncClient(transport=transport, base_url="http://service")


async def _answer(edge: Edge, request: Sent, bearer: tuple[tuple[bytes, bytes], ...]) -> httpx.Response:
    """Send a request; each comes from another address, so that what counts them counts none of other tests."""
    transport, client = _caller(edge)
    transport.client = (next(_addresses), 4711)
    client.cookies.clear()
    async with asyncio.timeout(SECONDS):
        headers = [*request.headers, *bearer]
        return await client.request(request.method, request.target, headers=headers, content=request.body)


def _is_problem(answer: httpx.Response) -> None:
    assert answer.headers["content-type"].partition(";")[0] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"urn:carbot:problem:{problem['code']}"
    assert problem["status"] == answer.status_code
    assert len(problem["title"]) > 3
    assert re.fullmatch(r"[a-z_]+", problem["code"])
    assert re.fullmatch(r"[0-9a-f]{32}", problem["trace_id"])


def _is_at(request: Sent, operation: Operation) -> bool:
    """Tell whether the request's path is the operation's: an empty or dotted segment leads elsewhere."""
    path = httpx.URL(f"http://service{request.target}").path
    return re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(operation.path)), path) is not None
