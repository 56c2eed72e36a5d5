"""The erasure of an organisation that nobody wanted back."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import msgspec
import pytest

from carbot_contracts.tenancy import ApiKeyChanged, MembershipChanged
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.errors import Unavailable
from carbot_core.ids import new_id
from carbot_core.service import Runtime
from carbot_core.timers import TimerLoop
from carbot_tenancy.members.queries import insert_member
from carbot_tenancy.organizations import erasure
from carbot_tenancy.organizations.actions import ERASURE
from carbot_tenancy.organizations.events import erase_due_organization
from carbot_tenancy.users.queries import lock_user
from carbot_testing.founding import PASSWORD, TENANCY, Founder, Person
from carbot_testing.plugin import Connect
from tests.services.tenancy.organizations.told import bill, statuses, told

CURRENT = f"{TENANCY}/organizations/current"
DUE = timedelta(days=30, minutes=1)


async def let_pass(database: Database, time: timedelta) -> None:
    """Let the timers see a later time; both they and the handler may be asked twice."""
    later = datetime.now(UTC) + time
    handler = partial(erase_due_organization, Runtime(None, database, lambda: later))
    for _ in range(2):
        await TimerLoop(database, {ERASURE: handler}, lambda: later).fire()


async def close(connect: Connect, owner: Person) -> None:
    (await connect("tenancy", owner.organization_id).post(f"{CURRENT}/close", json={})).raise_for_status()


async def reopen(connect: Connect, owner: Person) -> None:
    (await connect("tenancy", owner.organization_id).post(f"{CURRENT}/reopen")).raise_for_status()


async def enter(founder: Founder, owner: Person, email: str) -> None:
    """Let somebody who has an account join a second organisation."""
    invitation = {"email": email, "role": "viewer", "workshop_ids": None}
    (await owner.client.post(f"{TENANCY}/invitations", json=invitation)).raise_for_status()
    acceptance = {"token": await founder.mailbox.token(email, count=2), "name": "Bob", "password": PASSWORD}
    (await founder.nobody.post(f"{TENANCY}/invitations/accept", json=acceptance)).raise_for_status()


class Account(msgspec.Struct, frozen=True):
    id: UUID
    email: str
    name: str
    status: str
    password_hash: str
    revision: int


async def account(api_databases: dict[str, Database], user_id: UUID) -> Account:
    async with api_databases["tenancy"].transaction(Context(), read_only=True) as tx:
        return await tx.one(
            Account,
            "SELECT id, email, name, status, password_hash, revision FROM tenancy.users WHERE id = $1",
            user_id,
        )


async def users_of(connect: Connect, organization_id: UUID) -> dict[str, UUID]:
    """Return the users of an organisation by address."""
    items = (await connect("tenancy", organization_id).get(f"{TENANCY}/members")).json()["items"]
    return {item["email"]: UUID(item["user_id"]) for item in items}


class LeftOver(msgspec.Struct, frozen=True):
    sessions: int
    invitations: int
    mails: int
    timers: int


async def left_over(database: Database, organization_id: UUID) -> LeftOver:
    """Count what is still there of an organisation."""
    async with database.transaction(Context(organization_id=organization_id), read_only=True) as tx:
        return await tx.one(
            LeftOver,
            """
            SELECT (SELECT count(*) FROM tenancy.sessions WHERE organization_id = $1) AS sessions,
                (SELECT count(*) FROM tenancy.invitations WHERE organization_id = $1) AS invitations,
                (SELECT count(*) FROM tenancy.mails WHERE organization_id = $1) AS mails,
                (SELECT count(*) FROM timers WHERE organization_id = $1 AND kind = 'erasure') AS timers
            """,
            organization_id,
        )


NOTHING = LeftOver(0, 0, 0, 0)


class TestEraseDueOrganization:
    async def test_ends_and_deletes_what_is_the_organisations_and_tells(
        self, founder: Founder, connect: Connect, worker_databases: dict[str, Database]
    ) -> None:
        owner, database = await founder.found(), worker_databases["tenancy"]
        await founder.join(owner, "viewer")
        workshop = await founder.workshop(owner)
        for body in (
            {"kind": "publishable", "workshop_id": workshop, "allowed_origins": ["https://mueller.example"]},
            {"kind": "secret", "scopes": ["crm.leads:read"]},
        ):
            made = await connect("tenancy", owner.organization_id).post(
                f"{TENANCY}/api-keys", json={"name": "Key", **body}
            )
            assert made.status_code == 201, made.text
        await close(connect, owner)
        before = await left_over(database, owner.organization_id)
        assert min(before.sessions, before.invitations, before.mails, before.timers) > 0
        await let_pass(database, DUE)
        assert await statuses(database, owner.organization_id) == ["closing", "erased"]
        assert await left_over(database, owner.organization_id) == NOTHING
        ended: Counter[str] = Counter()
        for event, version in await told(database, owner.organization_id):
            ended["members"] += isinstance(event, MembershipChanged) and (event.is_active, version) == (False, 2)
            ended["keys"] += isinstance(event, ApiKeyChanged) and event.revoked_at is not None and version == 2
        assert ended == {"members": 2, "keys": 2}

    async def test_takes_name_address_and_credentials_from_users_who_are_nowhere_else(
        self,
        founder: Founder,
        connect: Connect,
        worker_databases: dict[str, Database],
        api_databases: dict[str, Database],
    ) -> None:
        owner, database = await founder.found(), worker_databases["tenancy"]
        user_id = (await users_of(connect, owner.organization_id))[owner.email]
        await give_credentials(database, api_databases["tenancy"], user_id)
        await close(connect, owner)
        await let_pass(database, DUE)
        nobody = await account(api_databases, user_id)
        assert (nobody.email, nobody.name) == (f"erased-{user_id}@erased.invalid", "erased")
        assert (nobody.status, nobody.password_hash, nobody.revision) == ("locked", "!", 2)
        assert await credentials(api_databases["tenancy"], user_id) == [0, 0, 0]
        assert (await founder.login(owner.email)).status_code == 401
        assert (await founder.login(nobody.email)).status_code == 401
        assert (await founder.register(owner.email)).status_code == 202
        assert "token=" in str(await founder.mailbox.wait_for(owner.email, count=2))

    @pytest.mark.parametrize("is_active", [True, False])
    async def test_leaves_users_who_have_a_place_elsewhere(
        self,
        founder: Founder,
        connect: Connect,
        worker_databases: dict[str, Database],
        api_databases: dict[str, Database],
        *,
        is_active: bool,
    ) -> None:
        going, staying, database = await founder.found(), await founder.found(), worker_databases["tenancy"]
        viewer = await founder.join(going, "viewer")
        await enter(founder, staying, viewer.email)
        user_id = (await users_of(connect, staying.organization_id))[viewer.email]
        if not is_active:
            await end_membership(staying, viewer.email)
        await close(connect, going)
        await let_pass(database, DUE)
        assert (await account(api_databases, user_id)).email == viewer.email
        answer = await founder.login(viewer.email, organization_id=str(staying.organization_id))
        assert answer.status_code == (200 if is_active else 403)
        await close(connect, staying)
        await let_pass(database, DUE)
        assert (await account(api_databases, user_id)).email.endswith("@erased.invalid")

    async def test_lets_whoever_joins_at_this_moment_wait(
        self,
        founder: Founder,
        connect: Connect,
        worker_databases: dict[str, Database],
        api_databases: dict[str, Database],
    ) -> None:
        owner, other = await founder.found(), await founder.found()
        user_id = (await users_of(connect, owner.organization_id))[owner.email]
        joining = Context(organization_id=other.organization_id)
        async with worker_databases["tenancy"].transaction(Context(user_id=user_id)) as tx:
            assert await lock_user(tx, user_id)
            with pytest.raises(Unavailable):
                async with api_databases["tenancy"].transaction(joining) as join:
                    await insert_member(join, user_id, "viewer", None, datetime.now(UTC))

    async def test_takes_the_name_of_somebody_who_left_before(
        self,
        founder: Founder,
        connect: Connect,
        worker_databases: dict[str, Database],
        api_databases: dict[str, Database],
    ) -> None:
        owner, database = await founder.found(), worker_databases["tenancy"]
        viewer = await founder.join(owner, "viewer")
        user_id = (await users_of(connect, owner.organization_id))[viewer.email]
        await end_membership(owner, viewer.email)
        await close(connect, owner)
        await let_pass(database, DUE)
        assert (await account(api_databases, user_id)).name == "erased"

    async def test_goes_on_where_it_was_interrupted_and_does_nothing_twice(
        self,
        founder: Founder,
        connect: Connect,
        worker_databases: dict[str, Database],
        api_databases: dict[str, Database],
    ) -> None:
        owner, database = await founder.found(), worker_databases["tenancy"]
        user_id = (await users_of(connect, owner.organization_id))[owner.email]
        await close(connect, owner)
        async with database.transaction(Context(organization_id=owner.organization_id)) as tx:
            await erasure.erase_organization(tx, datetime.now(UTC) + DUE)
        before = await told(database, owner.organization_id)
        assert (await account(api_databases, user_id)).email == owner.email
        await let_pass(database, DUE)
        assert (await account(api_databases, user_id)).revision == 2
        async with database.transaction(Context(user_id=user_id)) as tx:
            await erasure.erase_user(tx, user_id, datetime.now(UTC))
        assert (await account(api_databases, user_id)).revision == 2
        assert await told(database, owner.organization_id) == before
        assert await left_over(database, owner.organization_id) == NOTHING

    async def test_waits_for_its_day(
        self, founder: Founder, connect: Connect, worker_databases: dict[str, Database]
    ) -> None:
        owner, database = await founder.found(), worker_databases["tenancy"]
        await close(connect, owner)
        await let_pass(database, timedelta(days=29, hours=23))
        assert await statuses(database, owner.organization_id) == ["closing"]

    async def test_does_not_happen_to_what_was_reopened(
        self, founder: Founder, connect: Connect, worker_databases: dict[str, Database]
    ) -> None:
        owner, database = await founder.found(), worker_databases["tenancy"]
        await close(connect, owner)
        await reopen(connect, owner)
        await let_pass(database, DUE)
        assert await statuses(database, owner.organization_id) == ["closing", "trial"]
        assert (await founder.login(owner.email)).status_code == 200
        assert (await left_over(database, owner.organization_id)).timers == 0

    async def test_counts_from_the_last_closing(
        self,
        founder: Founder,
        connect: Connect,
        worker_databases: dict[str, Database],
        api_databases: dict[str, Database],
    ) -> None:
        owner, database = await founder.found(), worker_databases["tenancy"]
        await close(connect, owner)
        await reopen(connect, owner)
        await close(connect, owner)
        async with api_databases["tenancy"].transaction(Context(organization_id=owner.organization_id)) as tx:
            await tx.execute(
                "UPDATE tenancy.organizations SET closing_since = closing_since + $2::interval WHERE organization_id = $1",
                owner.organization_id,
                timedelta(days=10),
            )
        await let_pass(database, DUE)
        assert await statuses(database, owner.organization_id) == ["closing", "trial", "closing"]
        await let_pass(database, DUE + timedelta(days=9))
        assert (await statuses(database, owner.organization_id))[3:] == []
        await let_pass(database, DUE + timedelta(days=10))
        assert (await statuses(database, owner.organization_id))[3:] == ["erased"]

    async def test_is_the_end(self, founder: Founder, connect: Connect, worker_databases: dict[str, Database]) -> None:
        owner, database = await founder.found(), worker_databases["tenancy"]
        await close(connect, owner)
        await let_pass(database, DUE)
        await bill(database, owner.organization_id, "active")
        assert await statuses(database, owner.organization_id) == ["closing", "erased"]
        assert (await connect("tenancy", owner.organization_id).post(f"{CURRENT}/reopen")).status_code in {401, 404}


async def end_membership(owner: Person, email: str) -> None:
    items = (await owner.client.get(f"{TENANCY}/members")).json()["items"]
    member = next(item for item in items if item["email"] == email)
    answer = await owner.client.patch(
        f"{TENANCY}/members/{member['id']}",
        json={"is_active": False},
        headers={"if-match": f'"{member["revision"]}"'},
    )
    answer.raise_for_status()


async def give_credentials(worker: Database, api: Database, user_id: UUID) -> None:
    """Give a user an authenticator, a recovery code and a link in a mail."""
    async with api.transaction(Context()) as tx:
        await tx.execute(
            "INSERT INTO tenancy.second_factors (id, user_id, secret, created_at) VALUES ($1, $2, 'x', now())",
            new_id(),
            user_id,
        )
        await tx.execute(
            "INSERT INTO tenancy.recovery_codes (id, user_id, code_hash, created_at) VALUES ($1, $2, 'x', now())",
            new_id(),
            user_id,
        )
    async with worker.transaction(Context()) as tx:
        await tx.execute(
            """
            INSERT INTO tenancy.account_tokens (id, user_id, purpose, token_hash, created_at, expires_at)
            VALUES ($1, $2, 'reset_password', 'x', now(), now())
            """,
            new_id(),
            user_id,
        )
    assert await credentials(api, user_id) == [1, 1, 1]


async def credentials(api: Database, user_id: UUID) -> list[int | None]:
    """Count what lets a user in beside the password."""
    async with api.transaction(Context(), read_only=True) as tx:
        return [
            await tx.value(int, "SELECT count(*) FROM tenancy.second_factors WHERE user_id = $1", user_id),
            await tx.value(int, "SELECT count(*) FROM tenancy.recovery_codes WHERE user_id = $1", user_id),
            await tx.value(int, "SELECT count(*) FROM tenancy.account_tokens WHERE user_id = $1", user_id),
        ]
