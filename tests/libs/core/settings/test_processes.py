"""The processes of a service as they really run: how they start, what they say of themselves, how they end."""

import asyncio
import json
import os
import re
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio

from carbot_core import cli
from carbot_core.auth import revocations
from carbot_core.ids import OPERATOR
from carbot_core.processes import refuse_taken_port
from carbot_core.service import Service
from carbot_core.settings import SettingError
from carbot_testing.child import Child
from carbot_testing.data_plane import PASSWORD
from carbot_testing.issuer import Issuer
from carbot_testing.running import Place, service
from carbot_testing.world import Organization, World

LEADS = "/api/crm/v1/leads"
CANARY = "kanarienvogel"


def line(child: Child) -> str:
    """Return the one line that a process left."""
    complaint = child.complaint()
    assert complaint.count("\n") == 1, complaint
    assert complaint.endswith("\n")
    return complaint.strip()


def wrong_setting(
    service: Service,
    process: str,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> str:
    """Run a command in this process; return what it wrote before it ended with status 2."""
    for name in [name for name in os.environ if name.startswith("CARBOT_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["carbot", process])
    capfd.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.run(service)
    assert ended.value.code == 2
    written = capfd.readouterr()
    assert CANARY not in written.out + written.err
    return written.err


class TestStart:
    @pytest.mark.parametrize(
        ("process", "name", "value", "wrong"),
        [
            ("api", "CARBOT_NATS_URL", "", "missing"),
            ("api", "CARBOT_DATABASE_URL", f"postgresql://a:{CANARY}@h:x/d", "malformed"),
            ("worker", "CARBOT_PROFILE", CANARY, "malformed"),
            ("worker", "CARBOT_AUDIT_PUBLIC_KEYS", CANARY, "malformed"),
            ("migrate", "CARBOT_DATABASE_OWNER_URL", "", "missing"),
            ("maintain", "CARBOT_DATABASE_OWNER_URL", CANARY, "malformed"),
            ("provision", "CARBOT_NATS_SEED", CANARY, "malformed"),
        ],
    )
    def test_with_a_wrong_setting_ends_with_one_line(
        self,
        process: str,
        name: str,
        value: str,
        wrong: str,
        place: Place,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        environment = {**place.environment("crm", "api"), name: value}
        complaint = wrong_setting(service("crm"), process, environment, monkeypatch, capfd)
        assert complaint.startswith(f"{name} is {wrong}")
        assert complaint.count("\n") == 1

    async def test_with_a_wrong_setting_ends_as_a_process_too(self, place: Place) -> None:
        async with Child.open(place, "crm", "worker", CARBOT_NATS_SEED=CANARY) as child:
            assert await child.status() == 2
            assert line(child).startswith("CARBOT_NATS_SEED is malformed: ")
            assert CANARY not in child.complaint() + child.text()

    @pytest.mark.parametrize("host", ["a..b", "a b", "203.0.113.1"])
    def test_on_an_address_that_is_not_its_own_ends_with_one_line(self, host: str) -> None:
        with pytest.raises(SettingError, match=r"^CARBOT_HTTP_HOST is [^\n]*[.] Set it to [^\n]*[.]$") as caught:
            refuse_taken_port(host, 1)
        assert host not in str(caught.value)

    async def test_on_a_taken_port_ends_with_one_line(self, place: Place) -> None:
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            async with Child.open(place, "crm", "api", CARBOT_HTTP_PORT=str(taken.getsockname()[1])) as child:
                assert await child.status() == 2
                assert line(child).startswith("CARBOT_HTTP_PORT names a port that cannot be used")

    async def test_as_a_role_that_row_security_does_not_bind_is_refused(
        self, own_place: Place, own_superuser: asyncpg.Connection
    ) -> None:
        await own_superuser.execute(
            "ALTER ROLE billing_api BYPASSRLS; ALTER ROLE billing_worker INHERIT; GRANT billing_owner TO billing_worker"
        )
        superuser = own_place.plane.dsn_superuser(own_place.database)
        async with AsyncExitStack() as stack:
            children = [
                await stack.enter_async_context(Child.open(own_place, name, process, **changes))
                for name, process, changes in (
                    ("crm", "api", {"CARBOT_DATABASE_URL": superuser}),
                    ("billing", "api", {}),
                    ("billing", "worker", {}),
                )
            ]
            for child in children:
                assert await child.status() == 2
                assert line(child).startswith("CARBOT_DATABASE_URL names a role that row security does not bind")
                assert PASSWORD not in child.complaint() + child.text()

    async def test_before_the_migrations_waits(self, own_place: Place, eventually: Callable[..., Any]) -> None:
        await own_place.plane.create_database("carbot_bare")
        address = own_place.plane.dsn("carbot_bare", "crm_api")
        async with Child.open(own_place, "crm", CARBOT_DATABASE_URL=address) as child, child.client() as client:
            await eventually(lambda: child.text().count("waiting_for_migrations") > 1, within=60)
            answer = await client.get("/health/ready")
            assert (answer.status_code, answer.json()["status"]) == (503, "waiting")
            assert {"start", "migrations"} <= set(answer.json()["waits_for"])
            assert (await client.get("/health/live")).status_code == 200
            assert await child.end() == 0


@pytest_asyncio.fixture(scope="module")
async def api(place: Place) -> AsyncGenerator[Child]:
    async with Child.open(place, "crm") as child:
        await child.until_ready()
        yield child


@pytest.fixture
async def caller(api: Child, issuer: Issuer, organization: Organization) -> AsyncGenerator[httpx.AsyncClient]:
    async with api.client(authorization=f"Bearer {issuer.token(organization.id)}") as client:
        yield client


class TestApi:
    async def test_says_of_itself_that_it_is_well(
        self, api: Child, caller: httpx.AsyncClient, world: World, eventually: Callable[..., Any]
    ) -> None:
        await world.tell(OPERATOR, revocations.pulse(datetime.now(UTC)))

        async def well() -> bool:
            return (await caller.get("/health/dependencies")).status_code == 200

        await eventually(well)
        assert (await caller.get("/health/live")).json() == {"status": "live"}
        assert (await caller.get("/health/ready")).json() == {"status": "ready", "waits_for": []}
        dependencies = await caller.get("/health/dependencies")
        assert dependencies.json() == dict.fromkeys(("database", "replica", "broker", "revocations"), "ok")
        assert (await caller.get("/health/nothing")).status_code == 404

    async def test_counts_its_requests_by_route(self, caller: httpx.AsyncClient, api: Child) -> None:
        for path in (LEADS, f"{LEADS}/{uuid4()}", f"/{CANARY}"):
            await caller.get(path)
        metrics = await caller.get("/metrics")
        assert metrics.headers["content-type"].startswith("text/plain")
        assert 'http_route="/api/crm/v1/leads"' in metrics.text
        assert 'http_route="/api/crm/v1/leads/{lead_id}"' in metrics.text
        assert 'http_route="unmatched"' in metrics.text
        assert CANARY not in metrics.text

    async def test_takes_over_a_traceparent(self, caller: httpx.AsyncClient, superuser: asyncpg.Connection) -> None:
        trace = uuid4().hex
        answer = await caller.get(f"{LEADS}/x", headers={"traceparent": f"00-{trace}-{'1' * 16}-01"})
        assert answer.json()["trace_id"] == trace

    @pytest.mark.parametrize(
        "given",
        [
            "",
            "garbage",
            f"00-{'0' * 32}-{'1' * 16}-01",
            f"00-{'1' * 32}-{'0' * 16}-01",
            f"ff-{'1' * 32}-{'1' * 16}-01",
            f"00-{'g' * 32}-{'1' * 16}-01",
            f"00-{'1' * 31}'-{'1' * 16}-01",
            f"00-{'1' * 32}-{'1' * 16}-01-{CANARY}",
            "00-'; DROP TABLE crm.leads; ---" + "1" * 16 + "-01",
            f"00-{'١' * 32}-{'1' * 16}-01",
        ],
    )
    async def test_replaces_a_hostile_traceparent(self, caller: httpx.AsyncClient, given: str) -> None:
        answer = await caller.get(f"{LEADS}/x", headers=[(b"traceparent", given.encode())])
        assert answer.status_code == 422
        trace = answer.json()["trace_id"]
        assert re.fullmatch("[0-9a-f]{32}", trace)
        assert trace not in {"0" * 32, "1" * 32}

    async def test_writes_its_ids_to_the_audit_and_to_its_log(
        self, caller: httpx.AsyncClient, api: Child, organization: Organization, superuser: asyncpg.Connection
    ) -> None:
        trace, request = uuid4().hex, str(uuid4())
        body = {
            "workshop_id": str(organization.workshops[0]),
            "source": "phone",
            "name": CANARY,
            "email": f"{CANARY}@example.org",
            "request": CANARY,
        }
        headers = {"traceparent": f"00-{trace}-{'1' * 16}-01", "x-request-id": request}
        assert (await caller.post(LEADS, json=body, headers=headers)).status_code == 201
        rows = await superuser.fetch(
            "SELECT body FROM crm.audit_outbox WHERE organization_id = $1 ORDER BY pos DESC LIMIT 2", organization.id
        )
        assert {(json.loads(r["body"])["request_id"], json.loads(r["body"])["trace_id"]) for r in rows} == {
            (request, trace)
        }
        found = next(entry for entry in api.lines() if entry.get("request_id") == request)
        assert (found["event"], found["trace_id"], found["service"], found["process"]) == (
            "request",
            trace,
            "crm",
            "api",
        )
        assert (found["route"], found["status"], UUID(found["organization"])) == (LEADS, 201, organization.id)
        assert CANARY not in api.text()

    async def test_finishes_what_a_client_that_hung_up_has_asked_for(
        self,
        api: Child,
        caller: httpx.AsyncClient,
        organization: Organization,
        superuser: asyncpg.Connection,
        eventually: Callable[..., Any],
    ) -> None:
        email, key = f"{uuid4().hex}@example.org", str(uuid4())
        lead = {
            "workshop_id": str(organization.workshops[0]),
            "source": "phone",
            "name": "A",
            "email": email,
            "request": "B",
        }
        body = json.dumps(lead).encode()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'crm.leads'::regclass"
        async with superuser.transaction():
            await superuser.execute("LOCK TABLE crm.leads IN SHARE MODE")
            _, writer = await asyncio.open_connection("127.0.0.1", api.port)
            writer.write(
                f"POST {LEADS} HTTP/1.1\r\nhost: crm\r\nauthorization: {caller.headers['authorization']}\r\n"
                f"idempotency-key: {key}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\n\r\n".encode()
                + body
            )
            await writer.drain()
            # Only what the service has begun is finished: a request that is not yet read goes with its connection.
            await eventually(lambda: superuser.fetchval(waiting))
            writer.close()
            await writer.wait_closed()
        stored = "SELECT count(*) FROM crm.leads WHERE email = $1"
        await eventually(lambda: superuser.fetchval(stored, email))
        again = await caller.post(
            LEADS, content=body, headers={"idempotency-key": key, "content-type": "application/json"}
        )
        assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
        assert await superuser.fetchval(stored, email) == 1

    async def test_does_not_take_a_body_that_ends_too_early_for_a_fault(
        self,
        api: Child,
        caller: httpx.AsyncClient,
        issuer: Issuer,
        organization: Organization,
        eventually: Callable[..., Any],
    ) -> None:
        request = str(uuid4())
        _, writer = await asyncio.open_connection("127.0.0.1", api.port)
        writer.write(
            f"POST {LEADS} HTTP/1.1\r\nhost: crm\r\nauthorization: Bearer {issuer.token(organization.id)}\r\n"
            f"x-request-id: {request}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{{".encode()
        )
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.close()
        await writer.wait_closed()
        found = await eventually(lambda: next((e for e in api.lines() if e.get("request_id") == request), None))
        assert found["status"] == 400
        assert not [entry for entry in api.lines() if entry["level"] == "error"]
        assert (await caller.get(LEADS)).status_code == 200


class TestWorker:
    async def test_says_of_itself_that_it_is_well_and_ends_in_order(self, place: Place) -> None:
        async with Child.open(place, "crm", "worker") as child, child.client() as client:
            await child.until_ready()
            assert (await client.get("/health/live")).json() == {"status": "live"}
            dependencies = await client.get("/health/dependencies")
            assert dependencies.json() == dict.fromkeys(("database", "replica", "broker"), "ok")
            assert "carbot_outbox" in (await client.get("/metrics")).text
            assert (await client.get(LEADS)).status_code == 404
            assert await child.end() == 0
            assert child.complaint() == ""


def children_of(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()


class TestEnd:
    async def test_answers_what_is_in_flight_and_leaves_nothing(
        self,
        place: Place,
        issuer: Issuer,
        organization: Organization,
        superuser: asyncpg.Connection,
        eventually: Callable[..., Any],
    ) -> None:
        blocked = """
            SELECT EXISTS (
                SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
            )
        """
        locking = await asyncpg.connect(place.plane.dsn_superuser(place.database))
        headers = {"authorization": f"Bearer {issuer.token(organization.id)}"}
        body = {
            "workshop_id": str(organization.workshops[0]),
            "source": "phone",
            "name": "in flight",
            "email": f"{uuid4().hex}@example.org",
            "request": "x",
        }
        async with Child.open(place, "crm") as child, child.client(**headers) as client:
            await child.until_ready()
            assert children_of(child.pid) == ""
            await client.get(LEADS)
            await locking.execute("BEGIN; LOCK TABLE crm.leads IN SHARE MODE")
            asking = asyncio.create_task(client.post(LEADS, json=body))
            await eventually(lambda: superuser.fetchval(blocked))
            child.signal("TERM")
            await asyncio.sleep(0.1)
            assert not asking.done()
            await locking.close()
            assert (await asking).status_code == 201
            assert await child.status() == 0
            assert child.complaint() == ""
            with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", child.port)):
                pass

    async def test_asks_clients_to_go_elsewhere_before_it_closes_connections(
        self, place: Place, issuer: Issuer, organization: Organization
    ) -> None:
        headers = {"authorization": f"Bearer {issuer.token(organization.id)}"}
        async with Child.open(place, "crm") as child, child.client(**headers) as client:
            await child.until_ready()
            assert "connection" not in (await client.get(LEADS)).headers
            child.signal("TERM")
            async with asyncio.timeout(30):
                while "connection" not in (answer := await client.get(LEADS)).headers:
                    assert answer.status_code == 200
            assert (answer.status_code, answer.headers["connection"]) == (200, "close")
            assert (await client.get("/health/ready")).status_code == 503
            assert await child.status() == 0
            assert child.complaint() == ""
