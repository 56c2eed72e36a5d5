"""What was revoked is refused, soon and for good; what came after is not."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from msgspec.structs import replace

from carbot_contracts.tenancy import AccessRevoked, OrganizationStatus
from carbot_core import directory
from carbot_core.auth import revocations, tokens
from carbot_core.auth.principal import Principal
from carbot_core.auth.revocations import Kind, Revocations
from carbot_core.consume import Envelope
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.errors import DatabaseUnavailable
from carbot_core.ids import OPERATOR, new_id
from carbot_core.web.edge import Edge
from carbot_testing.child import Child
from carbot_testing.issuer import Issuer
from carbot_testing.running import Place, client
from carbot_testing.world import Organization, World

LEADS = "/api/crm/v1/leads"
KINDS: tuple[Kind, ...] = ("session", "member", "api_key", "organization")


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


@pytest.fixture
def revoke(world: World) -> Any:
    async def revoke(organization_id: UUID, kind: Kind, subject: UUID, not_before: datetime) -> None:
        await world.tell(organization_id, AccessRevoked(kind=kind, subject_id=subject, not_before=not_before))

    return revoke


def token(issuer: Issuer, organization: Organization, kind: Kind, subject: UUID, issued_at: datetime) -> str:
    """Return a token that rests on the subject."""
    said: dict[str, Any] = {
        "session": {"session_id": subject},
        "member": {"user_id": subject},
        "api_key": {"user_id": subject},
        "organization": {},
    }[kind]
    claims = issuer.claims(organization.id, issued_at=issued_at, **said)
    if kind == "api_key":
        claims = replace(claims, kind="api_key", sid=None)
    return tokens.sign(claims, issuer.key)


async def status(edge: Edge, bearer: str) -> int:
    async with client(edge, "crm", authorization=f"Bearer {bearer}") as caller:
        return (await caller.get(LEADS, params={"limit": 1})).status_code


class TestService:
    @pytest.mark.parametrize("kind", KINDS)
    async def test_refuses_older_tokens_within_three_seconds_and_takes_newer_ones(
        self,
        kind: Kind,
        world: World,
        issuer: Issuer,
        edges: dict[str, Edge],
        revoke: Any,
        eventually: Callable[..., Any],
    ) -> None:
        organization, other = await world.organization(), await world.organization()
        subject = organization.id if kind == "organization" else new_id()
        at = ago(5)
        old = token(issuer, organization, kind, subject, at - timedelta(milliseconds=2))
        new = token(issuer, organization, kind, subject, at + timedelta(milliseconds=2))
        bystander = token(
            issuer, other, kind, other.id if kind == "organization" else subject, at - timedelta(seconds=1)
        )
        assert [await status(edges["crm"], each) for each in (old, new, bystander)] == [200, 200, 200]
        await revoke(organization.id, kind, subject, at)

        async def refused() -> bool:
            return await status(edges["crm"], old) == 401

        await eventually(refused, within=3)
        assert [await status(edges["crm"], each) for each in (old, new, bystander)] == [401, 200, 200]

    async def test_started_afterwards_refuses_from_its_first_answer(
        self, world: World, place: Place, issuer: Issuer, revoke: Any
    ) -> None:
        organization, session = await world.organization(), new_id()
        await revoke(organization.id, "session", session, ago(1))
        old = token(issuer, organization, "session", session, ago(2))
        async with Child.open(place, "crm") as child:
            await child.until_ready()
            async with child.client(authorization=f"Bearer {old}") as caller:
                answer = await caller.get(LEADS)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


@pytest_asyncio.fixture
async def own_database(own_place: Place) -> AsyncGenerator[Database]:
    async with Database.connect(own_place.plane.dsn(own_place.database, "crm_api")) as database:
        yield database


@pytest_asyncio.fixture
async def keeper(own_place: Place) -> AsyncGenerator[Database]:
    """The worker's database, which alone may write revocations."""
    async with Database.connect(own_place.plane.dsn(own_place.database, "crm_worker")) as database:
        yield database


async def record(keeper: Database, organization_id: UUID, kind: Kind, subject: UUID, not_before: datetime) -> None:
    event = AccessRevoked(kind=kind, subject_id=subject, not_before=not_before)
    envelope = Envelope(
        event_id=new_id(),
        subject=event.subject,
        organization_id=organization_id,
        aggregate_id=subject,
        version=1,
        occurred_at=not_before,
    )
    async with keeper.transaction(Context(organization_id=organization_id)) as tx:
        await revocations.record(tx, event, envelope)


async def pulse(keeper: Database) -> None:
    await record(keeper, OPERATOR, "organization", OPERATOR, ago(0))


def principal(organization_id: UUID, session: UUID, issued_at: datetime) -> Principal:
    return Principal(
        kind="user",
        id=new_id(),
        organization_id=organization_id,
        role="owner",
        scopes=frozenset(),
        workshops=None,
        session_id=session,
        issued_at=issued_at,
        expires_at=issued_at + timedelta(minutes=10),
    )


class TestMemory:
    async def test_is_empty_and_says_so_until_it_was_read(self, own_database: Database) -> None:
        memory = Revocations(own_database)
        assert (memory.loaded, memory.current) == (False, False)
        await memory.read()
        assert memory.loaded

    async def test_is_current_while_tenancy_is_heard(
        self, own_database: Database, keeper: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        memory = Revocations(own_database)
        await pulse(keeper)
        await memory.read()
        assert memory.current
        monkeypatch.setattr(revocations, "UNHEARD", timedelta(milliseconds=1))
        await memory.read()
        assert (memory.loaded, memory.current) == (True, False)

    async def test_learns_who_is_suspended_and_who_no_longer(self, own_database: Database, keeper: Database) -> None:
        memory, organization = Revocations(own_database), new_id()
        steps: tuple[tuple[int, OrganizationStatus, bool], ...] = (
            (1, "suspended", True),
            (2, "active", False),
            (1, "suspended", False),
        )
        for version, status, suspended in steps:
            async with keeper.transaction(Context(organization_id=organization)) as tx:
                await directory.remember_tenant(tx, organization, status, version)
            await memory.read()
            assert (organization in memory.suspended) == suspended

    async def test_keeps_what_it_knows_when_the_database_is_away(
        self, own_place: Place, own_database: Database, keeper: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        organization, session, at = new_id(), new_id(), ago(10)
        memory = Revocations(own_database)
        await record(keeper, organization, "session", session, at)
        await pulse(keeper)
        await memory.read()
        own_database.primary.terminate()
        with pytest.raises(DatabaseUnavailable):
            await memory.read()
        assert memory.revoked(principal(organization, session, at - timedelta(seconds=1)))
        assert memory.current
        later = revocations.monotonic() + revocations.UNKNOWN_SECONDS
        monkeypatch.setattr(revocations, "monotonic", lambda: later)
        assert not memory.current
        assert memory.loaded
        assert memory.revoked(principal(organization, session, at - timedelta(seconds=1)))

    async def test_takes_the_later_of_two_in_whatever_order_they_come(
        self, own_database: Database, keeper: Database
    ) -> None:
        organization, session, first = new_id(), new_id(), ago(60)
        second = first + timedelta(seconds=30)
        memory = Revocations(own_database)
        for not_before in (second, first):
            await record(keeper, organization, "session", session, not_before)
            await memory.read()
            assert memory.revoked(principal(organization, session, first + timedelta(seconds=15)))
            assert not memory.revoked(principal(organization, session, second))

    async def test_refuses_what_was_issued_before_and_takes_what_was_issued_then(
        self, own_database: Database, keeper: Database
    ) -> None:
        organization, session, at = new_id(), new_id(), ago(10)
        memory = Revocations(own_database)
        assert not memory.revoked(principal(organization, session, at))
        await record(keeper, organization, "session", session, at)
        await memory.read()
        assert memory.revoked(principal(organization, session, at - timedelta(microseconds=1)))
        assert not memory.revoked(principal(organization, session, at))

    async def test_reads_only_what_is_new_and_a_little_before(self, own_database: Database, keeper: Database) -> None:
        memory, organization = Revocations(own_database), new_id()
        await pulse(keeper)
        async with keeper.transaction(Context(organization_id=organization)) as tx:
            await directory.remember_tenant(tx, organization, "suspended", 1)
        await memory.read()
        assert organization in memory.suspended
        for read_to in (memory._read_to, memory._standing_read_to):
            assert timedelta() <= datetime.now(UTC) - read_to < timedelta(seconds=60)
        memory._not_before.clear()
        memory.suspended.clear()
        memory._read_to = memory._standing_read_to = datetime.now(UTC) + timedelta(minutes=1)
        await memory.read()
        assert (memory._not_before, memory.suspended, memory.current) == ({}, set(), False)

    async def test_is_not_current_for_what_anybody_but_tenancy_revokes(
        self, own_database: Database, keeper: Database, own_superuser: asyncpg.Connection
    ) -> None:
        await own_superuser.execute("DELETE FROM crm.revocations WHERE subject_id = $1", OPERATOR)
        await record(keeper, new_id(), "session", new_id(), ago(1))
        memory = Revocations(own_database)
        await memory.read()
        assert (memory.loaded, memory.current) == (True, False)
        await pulse(keeper)
        await memory.read()
        assert memory.current

    async def test_sees_what_was_committed_late(self, own_database: Database, keeper: Database) -> None:
        organization, late, early = new_id(), new_id(), new_id()
        memory = Revocations(own_database)
        slow = await keeper.begin(Context(organization_id=organization))
        await slow.execute(
            "INSERT INTO revocations (organization_id, kind, subject_id, not_before) VALUES ($1, 'session', $2, now())",
            organization,
            late,
        )
        await record(keeper, organization, "session", early, ago(0))
        await memory.read()
        await asyncio.sleep(0.01)
        await slow.commit()
        await memory.read()
        for session in (late, early):
            assert memory.revoked(principal(organization, session, ago(60)))

    async def test_does_not_mix_kinds_or_organisations(self, own_database: Database, keeper: Database) -> None:
        organization, subject = new_id(), new_id()
        memory = Revocations(own_database)
        for kind in ("member", "api_key"):
            await record(keeper, organization, kind, subject, ago(0))
        await memory.read()
        assert not memory.revoked(principal(organization, subject, ago(60)))
        assert not memory.revoked(principal(new_id(), subject, ago(60)))
