"""Tokens and headers that somebody made up, sent to every service itself as if there were no gateway: 401, each of them."""

from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
from catalogue_data import SERVICES
from interface import Operation, operations
from resources import never

from carbot_core.ids import new_id
from carbot_core.web.edge import Edge
from carbot_testing.forge import Forge, Headers
from carbot_testing.founding import TENANCY, Founder, Person, new_email
from carbot_testing.issuer import Issuer
from carbot_testing.mailbox import Mailbox
from carbot_testing.running import client

GUARDED: Final = [each for each in operations() if each.scope]
READS: Final = {each.service: each for each in reversed(GUARDED) if each.method == "GET"}
WRITES: Final = {each.service: each for each in reversed(GUARDED) if each.body()}
"""The first of each service, asked without a body, so that it never takes effect; one without writes is asked for its reads."""
ROUTES: Final = [*READS.values(), *WRITES.values()]
# The answer names its trace and its request: they are the same for all, so that nothing else may differ.
SAME: Final = [
    ("traceparent", f"00-{'4' * 32}-{'2' * 16}-01"),
    ("x-request-id", "01234567-89ab-4def-8123-456789abcdef"),
]

each_route = pytest.mark.parametrize("route", ROUTES, ids=[f"{each.service}-{each.id}" for each in ROUTES])


@pytest_asyncio.fixture(scope="module")
async def owner(edges: dict[str, Edge], workers: None, mailbox: Mailbox) -> Person:
    return await Founder(edges["tenancy"], mailbox).found()


@pytest.fixture
def forge(issuer: Issuer, owner: Person) -> Forge:
    return Forge(issuer, owner.organization_id)


@pytest.fixture
def nobody(edges: dict[str, Edge]) -> Callable[[Operation], httpx.AsyncClient]:
    return lambda route: client(edges[route.service], route.service)


async def ask(client: httpx.AsyncClient, route: Operation, headers: Any, **rest: Any) -> httpx.Response:
    path = route.path.format(**{name: never() for name in route.parameters("path")})
    return await client.request(route.method, path, headers=headers, **rest)


def complaint(answer: httpx.Response) -> str | None:
    """Return what is wrong with a refusal, None if it is one."""
    if answer.status_code != 401 or answer.headers.get_list("www-authenticate") != ["Bearer"]:
        return f"{answer.status_code} {answer.text[:80]}"
    if answer.headers["content-type"] != "application/problem+json":
        return answer.headers["content-type"]
    code = answer.json()["code"]
    return None if code in {"unauthorized", "invalid_token"} else code


def test_every_service_is_asked() -> None:
    assert {each.service for each in ROUTES} == set(SERVICES)


@each_route
class TestToken:
    async def test_that_was_made_up_is_refused(
        self, route: Operation, forge: Forge, nobody: Callable[[Operation], httpx.AsyncClient]
    ) -> None:
        variants = forge.variants()
        assert len(variants) >= 200
        wrong: dict[str, str] = {}
        async with nobody(route) as caller:
            for name, token in variants.items():
                answer = await ask(caller, route, [(b"authorization", f"Bearer {token}".encode())])
                if found := complaint(answer):
                    wrong[name] = found
                if len(token) >= 20 and token in answer.text:
                    wrong[name] = "quotes the token"
            assert wrong == {}
            await _accepts(caller, route, forge.token())

    async def test_of_another_kind_is_refused(
        self, route: Operation, others: dict[str, str], nobody: Callable[[Operation], httpx.AsyncClient]
    ) -> None:
        async with nobody(route) as caller:
            for name, token in others.items():
                answer = await ask(caller, route, {"authorization": f"Bearer {token}"})
                assert complaint(answer) is None, name

    async def test_elsewhere_than_in_one_bearer_header_is_refused(
        self, route: Operation, forge: Forge, nobody: Callable[[Operation], httpx.AsyncClient]
    ) -> None:
        good = forge.token()
        form = {"access_token": good, "token": good, "authorization": f"Bearer {good}"}
        wrong: list[tuple[Headers, str]] = []
        async with nobody(route) as caller:
            for headers in forge.headers():
                answer = await ask(caller, route, httpx.Headers(headers), params=form)
                if found := complaint(answer):
                    wrong.append((headers, found))
            assert wrong == []
            for body in ({"data": form}, {"json": form}):
                assert complaint(await ask(caller, route, {}, **body)) is None


@each_route
class TestSpoofedHeaders:
    async def test_beside_a_token_change_nothing(
        self, route: Operation, forge: Forge, issuer: Issuer, nobody: Callable[[Operation], httpx.AsyncClient]
    ) -> None:
        own = ("authorization", f"Bearer {issuer.token(new_id())}")
        async with nobody(route) as caller:
            expected = _whole(await ask(caller, route, [*SAME, own]))
            assert expected[0] != 401
            for header in forge.spoofed():
                assert _whole(await ask(caller, route, [*SAME, own, header])) == expected, header
            assert _whole(await ask(caller, route, [*SAME, own, *forge.spoofed()])) == expected
            assert _whole(await ask(caller, route, [*SAME, *forge.spoofed(), own])) == expected


@pytest_asyncio.fixture(scope="module")
async def others(owner: Person, mailbox: Mailbox) -> dict[str, str]:
    """Secrets that tenancy made for something else."""
    invited = new_email("invited")
    invitation = {"email": invited, "role": "owner", "workshop_ids": None}
    (await owner.client.post(f"{TENANCY}/invitations", json=invitation)).raise_for_status()
    key = {"kind": "secret", "name": "Export", "scopes": ["crm.leads:read"]}
    made = (await owner.client.post(f"{TENANCY}/api-keys", json=key)).raise_for_status()
    return {
        "refresh token": owner.refresh_token,
        "invitation": await mailbox.token(invited),
        "secret key": made.json()["key"],
    }


async def _accepts(caller: httpx.AsyncClient, route: Operation, token: str) -> None:
    answer = await ask(caller, route, {"authorization": f"Bearer {token}"})
    assert answer.status_code not in {401, 403}, "a good token must do, or the others were refused for something else"


def _whole(answer: httpx.Response) -> tuple[int, Any, bytes]:
    return answer.status_code, sorted(answer.headers.multi_items()), answer.content
