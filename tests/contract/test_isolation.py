"""What belongs to another organisation, or to a workshop that is not the caller's, is answered like what never was.

For every operation with an id in its path, its query or its body, and every role: the same status, headers and body, byte for
byte, as for an id that nobody ever had.
"""

from typing import Any, Final

import httpx
import msgspec
from catalogue_data import SERVICES
from interface import Operation, ids_in_body, ids_in_query, named, operations, routes
from resources import (
    IDS,
    MADE,
    OF_ONE_PERSON,
    OF_THE_WHOLE_ORGANIZATION,
    QUERIES,
    RESOURCES,
    WORKSHOP_IDS,
    Side,
    id_of,
    never,
)
from sides import Callers, body_of, path_of

from carbot_contracts.scopes import PUBLIC_ROUTES, ROLE_SCOPES
from carbot_testing.plugin import Connect

OPERATIONS: Final = operations()
# The answer names its trace and its request: they are the same for all, so that nothing else may differ.
SAME: Final = {
    "traceparent": f"00-{'4' * 32}-{'2' * 16}-01",
    "x-request-id": "01234567-89ab-4def-8123-456789abcdef",
    "if-match": '"1"',
}


async def ask(client: httpx.AsyncClient, operation: Operation, path: str, **rest: Any) -> tuple[int, Any, bytes]:
    """Return the whole answer."""
    answer = await client.request(operation.method, path, headers=SAME, **rest)
    return answer.status_code, sorted(answer.headers.multi_items()), answer.content


IN_PATH: Final = [each for each in OPERATIONS if each.parameters("path")]
IN_BODY: Final = [each for each in OPERATIONS if ids_in_body(each)]
IN_QUERY: Final = [each for each in OPERATIONS if ids_in_query(each)]


def test_every_id_is_listed() -> None:
    in_paths = {(each.service, name) for each in IN_PATH for name in each.parameters("path")}
    elsewhere = {(each.service, name) for each in OPERATIONS for name in (*ids_in_body(each), *ids_in_query(each))}
    assert in_paths == set(RESOURCES)
    assert elsewhere == set(IDS) | set(MADE)


@named(IN_PATH)
async def test_what_is_not_yours_is_like_what_never_was(
    operation: Operation, sides: tuple[Side, Side], callers: Callers
) -> None:
    own, other = sides
    for name in operation.parameters("path"):
        resource = RESOURCES[operation.service, name]
        foreign = await path_of(operation, own, **{name: await resource.make(other, other.workshops[0])})
        elsewhere = await path_of(operation, own, **{name: await resource.make(own, own.workshops[1])})
        nothing = await path_of(operation, own, **{name: never()})
        body = body_of(operation, own)
        for caller in callers(operation):
            expected = await ask(caller.client, operation, nothing, json=body)
            assert expected[0] == (404 if operation.scope in ROLE_SCOPES[caller.role] else 403), str(caller)  # pyright: ignore[reportArgumentType] - a role's name
            assert await ask(caller.client, operation, foreign, json=body) == expected, f"{caller}: foreign {name}"
            if caller.restricted and resource.below_workshop:
                assert await ask(caller.client, operation, elsewhere, json=body) == expected, (
                    f"{caller}: other workshop"
                )


@named(IN_PATH)
async def test_what_is_yours_is_answered(operation: Operation, sides: tuple[Side, Side]) -> None:
    """The requests above are refused for what they name, and not because no such request could succeed."""
    own = sides[0]
    path = await path_of(operation, own)
    body = body_of(operation, own)
    for name in ids_in_body(operation):
        if name in body and (operation.service, name) in MADE:
            body = _with(body, name, await id_of(own, operation.service, name))
    status, _, content = await ask(own.clients[operation.service], operation, path, json=body)
    assert status < 300 or status in {409, 412}, content


@named(IN_BODY)
async def test_an_id_in_a_body_that_is_not_yours_is_like_none(
    operation: Operation, sides: tuple[Side, Side], callers: Callers
) -> None:
    own, other = sides
    path = await path_of(operation, own)
    for name in ids_in_body(operation):
        theirs = await id_of(other, operation.service, name)
        for caller in callers(operation):
            body = body_of(operation, own)
            expected = await ask(caller.client, operation, path, json=_with(body, name, never()))
            assert expected[0] >= 400, f"{caller}: {name} that never was is taken"
            foreign = await ask(caller.client, operation, path, json=_with(body, name, theirs))
            assert foreign == expected, f"{caller}: foreign {name}"
            if caller.restricted and name in WORKSHOP_IDS:
                elsewhere = await ask(caller.client, operation, path, json=_with(body, name, own.workshops[1]))
                assert elsewhere == expected, f"{caller}: {name} of another workshop"


def _with(body: dict[str, Any], name: str, value: str) -> dict[str, Any]:
    return {**body, name: [value] if isinstance(body.get(name), list) else value}


@named(IN_QUERY)
async def test_an_id_in_a_query_that_is_not_yours_finds_nothing(
    operation: Operation, sides: tuple[Side, Side], callers: Callers
) -> None:
    own, other = sides
    path = await path_of(operation, own)
    for resource in RESOURCES.values():
        await resource.make(own, own.workshops[1])
        await resource.make(other, other.workshops[0])
    for name in ids_in_query(operation):
        for caller in callers(operation):
            rest = QUERIES.get(operation.id, lambda _side: {})(own)
            expected = await ask(caller.client, operation, path, params={**rest, name: never()})
            foreign = {**rest, name: await id_of(other, operation.service, name)}
            assert await ask(caller.client, operation, path, params=foreign) == expected, f"{caller}: foreign {name}"
            if caller.restricted and name in WORKSHOP_IDS:
                elsewhere = await ask(caller.client, operation, path, params={**rest, name: own.workshops[1]})
                assert elsewhere == expected, f"{caller}: {name} of another workshop"


LISTS: Final = [
    each
    for each in OPERATIONS
    if each.scope and each.method == "GET" and not each.parameters("path") and each.id not in OF_ONE_PERSON
]


@named(LISTS)
async def test_lists_hold_nothing_of_others(operation: Operation, sides: tuple[Side, Side], callers: Callers) -> None:
    own, other = sides
    for (service, _), resource in RESOURCES.items():
        if service == operation.service:
            await resource.make(other, other.workshops[0])
    params = QUERIES.get(operation.id, lambda _side: {})(own)
    for caller in callers(operation):
        status, _, content = await ask(caller.client, operation, operation.path, params=params)
        assert status == (200 if operation.scope in ROLE_SCOPES[caller.role] else 403), content  # pyright: ignore[reportArgumentType] - a role's name
        assert not any(foreign.encode() in content for foreign in (other.id, *other.workshops, other.owner))
        if caller.restricted and operation.id not in OF_THE_WHOLE_ORGANIZATION:
            assert own.workshops[1].encode() not in content


class TestScopes:
    def test_every_route_names_one_or_is_public(self) -> None:
        unguarded = {name for service in SERVICES for name, scope in routes(service).items() if scope is None}
        assert unguarded == PUBLIC_ROUTES

    def test_every_scope_of_a_route_is_somebodys(self) -> None:
        used = {scope for service in SERVICES for scope in routes(service).values() if scope is not None}
        assert used == frozenset[str]().union(*ROLE_SCOPES.values())

    @named([each for each in OPERATIONS if each.scope])
    async def test_decide_before_anything_else(self, operation: Operation, callers: Callers, connect: Connect) -> None:
        path = operation.path.format(**dict.fromkeys(operation.parameters("path"), never()))
        status, headers, _ = await ask(connect(operation.service), operation, path)
        assert (status, dict(headers)["www-authenticate"]) == (401, "Bearer")
        for caller in callers(operation):
            status, _, content = await ask(caller.client, operation, path)
            holds = operation.scope in ROLE_SCOPES[caller.role]  # pyright: ignore[reportArgumentType] - a role's name
            if holds:
                assert status != 401, str(caller)
            else:
                assert (status, msgspec.json.decode(content)["code"]) == (403, "scope_missing"), str(caller)
