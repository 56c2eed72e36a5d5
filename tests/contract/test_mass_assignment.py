"""What a response shows, and a column holds, is not thereby writable: sent on every write, by every role, it changes nothing.

A body says what it takes and refuses the rest, wherever it stands in it; of what it takes, one member changes one thing.
"""

import asyncio
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
from catalogue_data import SCHEMAS, is_audited
from catalogue_rules import TABLES
from interface import Document, Operation, document, named, operations
from resources import COME_ALONG, RESOURCES, Side
from sides import ROLES, body_of, found_side, path_of

from carbot_contracts.scopes import ROLE_SCOPES
from carbot_core.db import Database
from carbot_core.timers import LEASE
from carbot_core.web.edge import Edge
from carbot_core.web.examples import example_of, resolve
from carbot_testing.founding import Founder
from carbot_testing.mailbox import Mailbox
from carbot_testing.plugin import Connect
from carbot_testing.world import Member

WRITES: Final = [each for each in operations() if each.method != "GET"]
WITH_BODY: Final = [each for each in WRITES if each.body()]
WITHOUT_BODY: Final = [each for each in WRITES if not each.body()]
EDITS: Final = [each for each in WITH_BODY if each.method == "PATCH"]
ALWAYS_CHANGES: Final = frozenset({"revision", "updated_at"})

type Rows = dict[str, set[str]]
"""What the tables of a service hold, by table, each row as text."""


def _components(service: str) -> Document:
    found: Document = document(service)["components"]["schemas"]
    return found


def _objects(schema: Document, components: Document, depth: int = 0) -> Iterator[Document]:
    """Return the object schemas within a schema, itself first."""
    for each in (schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())):
        inner = resolve(each, components) if "$ref" in each else each
        if depth > 6:
            return
        if "properties" in inner:
            yield inner
        for deeper in (*inner.get("properties", {}).values(), *([inner["items"]] if "items" in inner else ())):
            yield from _objects(deeper, components, depth + 1)


@cache
def shown() -> dict[str, Any]:
    """Return every field of every response of every service, with a value that it might have."""
    found: dict[str, Any] = {}
    for operation in operations():
        components = _components(operation.service)
        for status, answer in operation.text["responses"].items():
            for content in answer.get("content", {}).values() if status < "300" else ():
                for each in _objects(content["schema"], components):
                    found |= {name: example_of(schema, components, name) for name, schema in each["properties"].items()}
    return found


def test_what_is_shown_was_found() -> None:
    assert shown().keys() >= {"id", "role", "revision", "organization_id", "created_at", "scopes", "status", "key"}


@named(WITH_BODY)
def test_a_body_says_that_it_takes_nothing_else(operation: Operation) -> None:
    body = operation.body()
    assert body is not None
    for schema in _objects(body["schema"], _components(operation.service)):
        assert schema.get("additionalProperties") is False, schema.get("title")


@pytest_asyncio.fixture(scope="session")
async def columns(superuser: asyncpg.Connection) -> dict[str, list[str]]:
    """The columns of each service's own tables, by table."""
    found: dict[str, list[str]] = {}
    for row in await superuser.fetch(
        """
        SELECT format('%s.%s', table_schema, table_name) AS table, column_name::text AS name
        FROM information_schema.columns
        WHERE table_schema = ANY ($1::text[])
        """,
        SCHEMAS,
    ):
        found.setdefault(row["table"], []).append(row["name"])
    tables = [row["name"] for row in await superuser.fetch(TABLES, SCHEMAS) if row["name"] == row["whole"]]
    return {table: found[table] for table in tables if is_audited(table)}


class Book:
    """Reads what a service holds of an organisation, as nobody but the operator could."""

    def __init__(self, connection: asyncpg.Connection, columns: dict[str, list[str]]) -> None:
        self._connection = connection
        self._columns = columns

    def columns(self, service: str) -> set[str]:
        return {name for table, names in self._columns.items() if table.startswith(f"{service}.") for name in names}

    async def rows(self, service: str, organization_id: str) -> Rows:
        """Return the rows of the organisation, and all of tables that belong to none."""
        found: Rows = {}
        for table, names in self._columns.items():
            if table.startswith(f"{service}."):
                of = "WHERE organization_id = $1::uuid" if "organization_id" in names else "WHERE $1::uuid IS NOT NULL"
                rows = await self._connection.fetch(f"SELECT t::text AS row FROM {table} t {of}", UUID(organization_id))
                found[table] = {row["row"] for row in rows}
        return found

    async def settled_rows(self, service: str, organization_id: str) -> Rows:
        """Return the rows once nothing is left to be done with them: letters to be written, leads to be scored.

        What a worker took up is due again near the end of its lease; what is due sooner waits for another try.
        """
        undone = f"""
            SELECT count(*)
            FROM {service}.timers
            WHERE organization_id = $1 AND (due_at <= now() OR attempts > 0 AND due_at - now() BETWEEN $2 AND $3)
        """
        async with asyncio.timeout(30):
            while await self._connection.fetchval(undone, UUID(organization_id), LEASE * 0.75, LEASE):
                await asyncio.sleep(0.05)
        return await self.rows(service, organization_id)


@pytest.fixture
def book(superuser: asyncpg.Connection, columns: dict[str, list[str]]) -> Book:
    return Book(superuser, columns)


class Writers:
    """Whoever may ask in a side: clients by role."""

    def __init__(self, side: Side, connect: Connect) -> None:
        self.side = side
        self._connect = connect

    def of(self, operation: Operation) -> dict[str, httpx.AsyncClient]:
        if operation.scope is None:
            return {"nobody": self._connect(operation.service)}
        members = {
            role: Member(UUID(self.side.owner) if role == "owner" else uuid4(), uuid4(), role, None) for role in ROLES
        }
        return {role: self._connect(operation.service, UUID(self.side.id), who) for role, who in members.items()}


@pytest_asyncio.fixture(scope="module")
async def refused_side(
    edges: dict[str, Edge], workers: None, mailbox: Mailbox, connect: Connect, worker_databases: dict[str, Database]
) -> Writers:
    """A side where every write is refused, so that it stays as it is: with a row of everything."""
    side = await found_side(Founder(edges["tenancy"], mailbox), connect, worker_databases)
    for resource in RESOURCES.values():
        await resource.make(side, side.workshops[0])
    return Writers(side, connect)


@pytest_asyncio.fixture
async def written_sides(
    edges: dict[str, Edge], workers: None, mailbox: Mailbox, connect: Connect, worker_databases: dict[str, Database]
) -> list[Writers]:
    """Two alike of one test, which may spoil them."""
    founder = Founder(edges["tenancy"], mailbox)
    return [Writers(await found_side(founder, connect, worker_databases), connect) for _ in range(2)]


def _takes(operation: Operation) -> dict[str, set[str]]:
    """Return the members of a body by where they stand: of itself below the empty text, of inner objects below their name."""
    components = _components(operation.service)
    properties: Document = resolve((operation.body() or {})["schema"], components)["properties"]
    inner = {name: resolve(schema, components).get("properties") for name, schema in properties.items()}
    return {"": set(properties), **{name: set(members) for name, members in inner.items() if members}}


def _beside(operation: Operation, valid: dict[str, Any], name: str, value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return bodies with one more member, first of all or first in an inner object, and the pointer to it."""
    for place, members in _takes(operation).items():
        if name not in members and place == "":
            yield f"/{name}", {name: value, **valid}
        elif name not in members and isinstance(valid.get(place), dict):
            yield f"/{place}/{name}", {**valid, place: {name: value, **valid[place]}}


@named(WITH_BODY)
async def test_a_member_that_the_body_does_not_take_is_refused(
    operation: Operation, refused_side: Writers, book: Book
) -> None:
    side = refused_side.side
    path, valid = await path_of(operation, side), body_of(operation, side)
    foreign = {**dict.fromkeys(book.columns(operation.service), "x"), **shown()}
    before = await book.settled_rows(operation.service, side.id)
    assert any(before.values())
    for role, client in refused_side.of(operation).items():
        if role in ROLE_SCOPES and operation.scope not in ROLE_SCOPES[role]:
            answer = await _write(client, operation, path, {**foreign, **valid})
            assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing"), role
            continue
        for name, value in foreign.items():
            for pointer, body in _beside(operation, valid, name, value):
                answer = await _write(client, operation, path, body)
                assert answer.status_code == 422, f"{role} may write {pointer}: {answer.text}"
                assert [each["pointer"] for each in answer.json()["errors"]] == [pointer], role
    assert await book.rows(operation.service, side.id) == before


async def _write(
    client: httpx.AsyncClient, operation: Operation, path: str, body: Any, tag: str = '"1"'
) -> httpx.Response:
    return await client.request(operation.method, path, json=body, headers={"if-match": tag})


@named(WITHOUT_BODY)
async def test_a_body_where_none_is_taken_changes_nothing(operation: Operation, written_sides: list[Writers]) -> None:
    answers: list[tuple[int, Any]] = []
    for writers, body in zip(written_sides, (None, shown()), strict=True):
        path = await path_of(operation, writers.side)
        client = next(iter(writers.of(operation).values()))
        answer = await _write(client, operation, path, body)
        answers.append((answer.status_code, _outline(answer.json()) if answer.content else None))
    assert answers[0] == answers[1]


def _outline(value: Any) -> Any:
    """Return a value without what differs from one organisation to the next: ids, times, names and secrets."""
    if isinstance(value, dict):
        return {name: _outline(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_outline(member) for member in value]
    return value if not isinstance(value, str) or re.fullmatch(r"[a-z_.:]{1,40}", value) else "a text"


@named(EDITS)
async def test_of_an_edit_only_what_it_names_is_different(
    operation: Operation, written_sides: list[Writers], book: Book
) -> None:
    writers, about = written_sides[0], operation.body()
    side = writers.side
    reader = side.clients[operation.service]
    assert about is not None
    for role, client in writers.of(operation).items():
        for name, value in {**about["example"], **body_of(operation, side)}.items():
            path = await path_of(operation, side)
            before, rows = await _read(reader, path), await book.settled_rows(operation.service, side.id)
            answer = await _write(client, operation, path, {name: value}, f'"{before.get("revision", 1)}"')
            if answer.status_code >= 400:
                assert await book.rows(operation.service, side.id) == rows, f"{role}: {name} is refused and stored"
                continue
            after = await _read(reader, path)
            different = {each for each in before | after if before.get(each) != after.get(each)}
            allowed = ALWAYS_CHANGES | {name} | COME_ALONG.get(operation.id, frozenset())
            assert different <= allowed, (
                f"{role}: {name} changes {different - allowed}; resources.COME_ALONG lists them"
            )


async def _read(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """Return what a path names, itself or in the list that it stands in."""
    answer = await client.get(path)
    if answer.status_code == 200:
        found: dict[str, Any] = answer.json()
        return found
    above, _, row_id = path.rpartition("/")
    items: list[dict[str, Any]] = (await client.get(above)).raise_for_status().json()["items"]
    return next(each for each in items if each["id"] == row_id)
