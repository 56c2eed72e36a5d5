"""Limits, cursors and filters that were made up, of every list of every service: 422, each of them."""

from typing import Final
from urllib.parse import quote, urlencode

import httpx
import pytest_asyncio
from interface import Operation, document, named, operations
from resources import QUERIES, RESOURCES, Side, guest_headers
from sides import path_of

from carbot_core.web.examples import example_of

LISTS: Final = [each for each in operations() if "cursor" in each.parameters("query")]
LIMITS: Final = ("0", "-1", "201", str(2**63), "1e3", "abc", "", "1.5", "+1", "%201", "0x10", "1_0", "NaN", "9" * 400)
CURSORS: Final = ("", "a", "====", "AAAAAAAAAAA", "%00", "null", "a" * 400, "a" * 401, "..%2f", "0", "eyJpZCI6MX0")


class Listed:
    """The first page of each list of a side, of one item."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.paths: dict[str, str] = {}
        self.cursors: dict[str, str] = {}
        self.as_guest: dict[bytes, bytes] = {}

    async def get(self, operation: Operation, query: str) -> httpx.Response:
        client = self.side.clients[operation.service]
        needed = {
            name: value
            for name, value in QUERIES.get(operation.id, lambda _side: {})(self.side).items()
            if f"{name}=" not in query
        }
        address = f"{self.paths[operation.id]}?{'&'.join(filter(None, (urlencode(needed), query)))}"
        return await client.get(address, headers=None if operation.scope else self.as_guest)


@pytest_asyncio.fixture(scope="module")
async def listed(sides: tuple[Side, Side]) -> Listed:
    """Two of everything that is listed, and the cursors of it."""
    side = sides[0]
    found = Listed(side)
    found.as_guest = await guest_headers(side)
    for _ in range(2):
        for resource in RESOURCES.values():
            await resource.make(side, side.workshops[0])
    for operation in LISTS:
        found.paths[operation.id] = await path_of(operation, side, **_of_lists(side))
        answer = (await found.get(operation, "limit=1")).raise_for_status().json()
        if answer["next_cursor"]:
            found.cursors[operation.id] = answer["next_cursor"]
    return found


def _of_lists(side: Side) -> dict[str, str]:
    return {"workshop_id": side.workshops[0]}


def _is_refused(answer: httpx.Response) -> bool:
    return answer.status_code == 422 and answer.headers["content-type"] == "application/problem+json"


@named(LISTS)
async def test_limit_is_a_number_up_to_200(operation: Operation, listed: Listed) -> None:
    for limit in LIMITS:
        answer = await listed.get(operation, f"limit={limit}")
        assert _is_refused(answer), (limit, answer.text)
    for limit in ("1", "200"):
        assert (await listed.get(operation, f"limit={limit}")).status_code == 200


@named(LISTS)
async def test_cursor_is_one_of_this_list(operation: Operation, listed: Listed) -> None:
    others = [cursor for of, cursor in listed.cursors.items() if of != operation.id]
    for cursor in (*CURSORS, *others):
        answer = await listed.get(operation, f"cursor={cursor}")
        assert _is_refused(answer), (cursor, answer.text)


async def test_most_lists_have_a_second_page(listed: Listed) -> None:
    # What is asked of cursors below would else be asked of none.
    of_their_own = {each.id for each in LISTS if not each.parameters("path") and each.scope}
    assert of_their_own - listed.cursors.keys() <= {"list_members", "list_hot_leads", "list_duplicates"}


@named(LISTS)
async def test_cursor_that_was_changed_is_none(operation: Operation, listed: Listed) -> None:
    cursor = listed.cursors.get(operation.id)
    if cursor is None:
        return
    assert (await listed.get(operation, f"cursor={cursor}")).status_code == 200
    changed = [
        cursor[:index] + ("A" if cursor[index] != "A" else "B") + cursor[index + 1 :] for index in range(len(cursor))
    ]
    more = (
        cursor[:-1],
        cursor[1:],
        cursor + "A",
        cursor + "=",
        f"%20{cursor}",
        f"{cursor[:9]}.{cursor[9:]}",
        cursor * 2,
    )
    for tampered in (*changed, *more):
        answer = await listed.get(operation, f"cursor={tampered}")
        assert _is_refused(answer), (tampered, answer.text)


@named(LISTS)
async def test_cursor_is_of_this_query(operation: Operation, listed: Listed) -> None:
    cursor = listed.cursors.get(operation.id)
    components = document(operation.service)["components"]["schemas"]
    needed = QUERIES.get(operation.id, lambda _side: {})(listed.side)
    for name, schema in operation.parameters("query").items():
        if cursor is not None and name not in {"limit", "cursor", "table"}:
            others = [each for each in schema.get("enum", ()) if each not in {schema.get("default"), needed.get(name)}]
            value = quote(str(others[0] if others else example_of(schema, components, name)))
            assert (await listed.get(operation, f"{name}={value}")).status_code == 200, name
            answer = await listed.get(operation, f"{name}={value}&cursor={cursor}")
            assert _is_refused(answer), (name, answer.text)


@named(LISTS)
async def test_cursor_is_of_this_organization(operation: Operation, listed: Listed, sides: tuple[Side, Side]) -> None:
    cursor = listed.cursors.get(operation.id)
    if cursor is None or operation.parameters("path"):
        return
    answer = await sides[1].clients[operation.service].get(f"{operation.path}?cursor={cursor}")
    assert _is_refused(answer), answer.text


@named(LISTS)
async def test_filter_is_one_that_is_known(operation: Operation, listed: Listed) -> None:
    for query in (
        "nobody=1",
        "Limit=1",
        "limit[]=1",
        "limit=1;cursor=a",
        "organization_id=1",
        "=",
        "limit=1&limit=2",
        "%",
    ):
        answer = await listed.get(operation, query)
        assert _is_refused(answer), (query, answer.text)


def test_every_list_is_asked() -> None:
    assert len(LISTS) >= 8
    assert all("limit" in each.parameters("query") for each in LISTS)
