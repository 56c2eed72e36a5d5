"""The edge and the request's transaction: an answer says what is stored, whatever goes wrong."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
from probe_routes import CANARY, PROBES, Hooks
from sent_leads import LEADS, new_lead
from structlog.testing import capture_logs

from carbot_core.logs import describe
from carbot_testing.running import Place
from carbot_testing.world import Organization

type AtRest = Callable[[], Awaitable[None]]


def probe(**changes: Any) -> dict[str, Any]:
    return {"id": str(uuid4()), **changes}


async def is_stored(superuser: asyncpg.Connection, body: dict[str, Any]) -> bool:
    found: bool = await superuser.fetchval("SELECT EXISTS (SELECT FROM crm.probes WHERE id = $1)", UUID(body["id"]))
    return found


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest_asyncio.fixture
async def locked(own_place: Place, own_superuser: asyncpg.Connection) -> AsyncGenerator[None]:
    """Nobody can write probes."""
    other = await asyncpg.connect(own_place.plane.dsn_superuser(own_place.database))
    await other.execute("BEGIN; LOCK TABLE crm.probes IN ACCESS EXCLUSIVE MODE")
    yield
    await other.close()


@pytest.fixture
def killing(hooks: Hooks, own_superuser: asyncpg.Connection) -> Any:
    """The database connection of a request dies just before its commit."""

    async def kill(pid: int) -> None:
        await own_superuser.execute("SELECT pg_terminate_backend($1, 1000)", pid)

    hooks.before_commit = kill
    yield
    hooks.before_commit = None


class TestCommit:
    async def test_that_fails_by_a_deferred_constraint_stores_nothing(
        self, member: httpx.AsyncClient, own_superuser: asyncpg.Connection, at_rest: AtRest
    ) -> None:
        body, key = probe(other=str(uuid4())), {"idempotency-key": str(uuid4())}
        for _ in range(2):
            answer = await member.post(f"{PROBES}/insert", json=body, headers=key)
            assert_problem(answer, 409, "constraint_violated")
            assert "carbot-consistency" not in answer.headers
            assert not {"probes_other", "crm.probes"} & set(answer.text.split('"'))
        assert not await is_stored(own_superuser, body)
        await at_rest()

    async def test_whose_connection_died_is_503_and_stores_nothing(
        self,
        killing: None,
        member: httpx.AsyncClient,
        hooks: Hooks,
        own_superuser: asyncpg.Connection,
        at_rest: AtRest,
    ) -> None:
        body, key = probe(), {"idempotency-key": str(uuid4())}
        answer = await member.post(f"{PROBES}/insert", json=body, headers=key)
        assert_problem(answer, 503, "database_unavailable")
        assert answer.headers["retry-after"] == "1"
        assert not await is_stored(own_superuser, body)
        hooks.before_commit = None
        again = await member.post(f"{PROBES}/insert", json=body, headers=key)
        assert (again.status_code, "idempotent-replayed" in again.headers) == (201, False)
        await at_rest()

    async def test_is_answered_though_its_position_cannot_be_read(
        self,
        member: httpx.AsyncClient,
        own_superuser: asyncpg.Connection,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        async def fail(*_: object, **__: object) -> None:
            raise ConnectionResetError("the database is gone")

        monkeypatch.setattr(asyncpg.Pool, "fetchval", fail)
        body = probe()
        answer = await member.post(f"{PROBES}/insert", json=body)
        assert (answer.status_code, "carbot-consistency" in answer.headers) == (201, False)
        assert await is_stored(own_superuser, body)

    async def test_is_refused_to_a_handler_that_swallowed_an_error(
        self, member: httpx.AsyncClient, own_superuser: asyncpg.Connection, at_rest: AtRest
    ) -> None:
        body = probe()
        answer = await member.post(f"{PROBES}/swallow", json=body)
        assert_problem(answer, 500, "internal_error")
        assert not await is_stored(own_superuser, body)
        await at_rest()

    async def test_is_not_for_a_refusal_unless_it_says_so(
        self, member: httpx.AsyncClient, own_superuser: asyncpg.Connection
    ) -> None:
        refused, counted = probe(), probe()
        assert_problem(await member.post(f"{PROBES}/refuse", json=refused), 409, "refused")
        assert_problem(await member.post(f"{PROBES}/count", json=counted), 409, "counted")
        assert not await is_stored(own_superuser, refused)
        assert await is_stored(own_superuser, counted)


class TestConflict:
    async def test_of_two_that_lock_each_other_out_is_run_once_more(
        self,
        member: httpx.AsyncClient,
        own_organization: Organization,
        own_superuser: asyncpg.Connection,
        hooks: Hooks,
        eventually: Callable[..., Any],
    ) -> None:
        first, second = [(await member.post(LEADS, json=new_lead(own_organization))).json()["id"] for _ in range(2)]
        deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        before = await own_superuser.fetchval(deadlocks)

        async def counted() -> bool:
            return await own_superuser.fetchval(deadlocks) > before

        hooks.runs.clear()
        answers = await asyncio.gather(
            member.post(f"{PROBES}/swap", json={"id": first, "other": second, "seconds": 0.1}),
            member.post(f"{PROBES}/swap", json={"id": second, "other": first, "seconds": 0.1}),
        )
        assert [answer.status_code for answer in answers] == [201, 201], answers[0].text + answers[1].text
        assert sum(hooks.runs.values()) == 3
        priorities = await own_superuser.fetch(
            "SELECT priority FROM crm.leads WHERE id = ANY ($1)", [UUID(first), UUID(second)]
        )
        assert [row["priority"] for row in priorities] == [52, 52]
        await eventually(counted)


class TestDeadline:
    async def test_of_a_blocked_statement_is_503(
        self, locked: None, member: httpx.AsyncClient, at_rest: AtRest
    ) -> None:
        started = perf_counter()
        answer = await member.post(f"{PROBES}/insert", json=probe())
        assert_problem(answer, 503, "unavailable")
        assert answer.headers["retry-after"] == "1"
        assert perf_counter() - started < 3
        await at_rest()

    async def test_ends_what_the_database_does_not(
        self, member: httpx.AsyncClient, own_superuser: asyncpg.Connection, at_rest: AtRest
    ) -> None:
        slow, asleep = probe(seconds=8), probe(seconds=8)
        started = perf_counter()
        answers = await asyncio.gather(
            *(member.post(f"{PROBES}/wait", json=body) for body in (slow, *(probe(seconds=8) for _ in range(4)))),
            member.post(f"{PROBES}/insert", json=asleep),
        )
        assert 2.4 < perf_counter() - started < 4
        for answer in answers:
            assert_problem(answer, 503, "deadline_exceeded")
            assert answer.headers["retry-after"] == "1"
            assert answer.headers["x-request-id"]
        await at_rest()
        assert not await is_stored(own_superuser, slow)
        assert not await is_stored(own_superuser, asleep)


class TestFault:
    async def test_is_500_without_its_text_and_leaves_the_key_free(
        self,
        member: httpx.AsyncClient,
        own_superuser: asyncpg.Connection,
        at_rest: AtRest,
    ) -> None:
        body, key = probe(), {"idempotency-key": str(uuid4())}
        with capture_logs() as logged:
            answer = await member.post(f"{PROBES}/fault", json=body, headers=key)
        fault = next(entry["fault"] for entry in logged if entry["event"] == "fault")
        assert CANARY in str(fault)
        assert CANARY not in str(describe(fault))
        assert_problem(answer, 500, "internal_error")
        assert CANARY not in answer.text
        assert "Runtime" not in answer.text
        assert not await is_stored(own_superuser, body)
        again = await member.post(f"{PROBES}/fault", json=body, headers=key)
        assert (again.status_code, "idempotent-replayed" in again.headers) == (201, False)
        await at_rest()


class TestCancellation:
    async def test_of_the_request_leaves_no_connection_and_the_key_free(
        self,
        member: httpx.AsyncClient,
        own_superuser: asyncpg.Connection,
        at_rest: AtRest,
    ) -> None:
        body, key = probe(seconds=0.3), {"idempotency-key": str(uuid4())}
        asking = asyncio.create_task(member.post(f"{PROBES}/insert", json=body, headers=key))
        await asyncio.sleep(0.1)
        asking.cancel()
        await at_rest()
        assert not await is_stored(own_superuser, body)
        again = await member.post(f"{PROBES}/insert", json=body, headers=key)
        assert again.status_code == 201
