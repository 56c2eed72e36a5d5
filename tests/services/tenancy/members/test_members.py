"""Members."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import msgspec

from carbot_core.auth import tokens
from carbot_core.ids import new_id
from carbot_testing.founding import PASSWORD, TENANCY, Founder, Person, persistently
from carbot_testing.issuer import Issuer
from carbot_testing.plugin import Connect

MEMBERS = f"{TENANCY}/members"


async def member_of(owner: Person, email: str) -> dict[str, Any]:
    items = (await owner.client.get(MEMBERS)).json()["items"]
    return next(item for item in items if item["email"] == email)


async def edit(person: Person, member: dict[str, Any], **changes: Any) -> Any:
    headers = {"if-match": f'"{member["revision"]}"'}
    return await person.client.patch(f"{MEMBERS}/{member['id']}", json=changes, headers=headers)


class TestEditMember:
    async def test_refuses_old_tokens_and_gives_the_new_role_on_refresh(
        self, founder: Founder, eventually: Callable[..., Any]
    ) -> None:
        owner = await founder.found()
        workshop = await founder.workshop(owner)
        manager = await founder.join(owner, "manager")
        answer = await edit(owner, await member_of(owner, manager.email), role="technician", workshop_ids=[workshop])
        assert (answer.status_code, answer.json()["role"], answer.headers["etag"]) == (200, "technician", '"2"')

        async def refused() -> bool:
            return (await manager.client.get(f"{TENANCY}/workshops")).status_code == 401

        assert await eventually(refused, within=3)
        again = founder.client((await founder.refresh(manager.refresh_token)).json())
        assert (await again.get(f"{TENANCY}/workshops")).status_code == 200
        assert (await again.get(MEMBERS)).status_code == 403

    async def test_ends_a_membership(self, founder: Founder) -> None:
        owner = await founder.found()
        viewer = await founder.join(owner, "viewer")
        assert (await edit(owner, await member_of(owner, viewer.email), is_active=False)).status_code == 200
        assert (await founder.refresh(viewer.refresh_token)).status_code == 401
        assert (await founder.login(viewer.email)).status_code == 403

    async def test_ends_the_sessions_for_good(self, founder: Founder, superuser: Any) -> None:
        owner = await founder.found()
        viewer = await founder.join(owner, "viewer")
        other = await founder.sign_in(viewer.email)
        await edit(owner, await member_of(owner, viewer.email), is_active=False)
        back = await edit(owner, await member_of(owner, viewer.email), is_active=True)
        assert (back.status_code, back.json()["is_active"]) == (200, True)
        for session in (viewer, other):
            assert (await founder.refresh(session.refresh_token)).status_code == 401
        assert (await founder.login(viewer.email)).status_code == 200
        reasons = await superuser.fetch(
            "SELECT revoked_reason FROM tenancy.sessions WHERE organization_id = $1 AND revoked_at IS NOT NULL",
            owner.organization_id,
        )
        assert [row["revoked_reason"] for row in reasons] == ["membership_ended"] * 2

    async def test_leaves_sessions_in_other_organisations_alone(self, founder: Founder) -> None:
        owner, other = await founder.found(), await founder.found()
        invitation = {"email": other.email, "role": "viewer"}
        await owner.client.post(f"{TENANCY}/invitations", json=invitation)
        acceptance = {"token": await founder.mailbox.token(other.email, count=2), "password": PASSWORD}
        (await founder.nobody.post(f"{TENANCY}/invitations/accept", json=acceptance)).raise_for_status()
        await edit(owner, await member_of(owner, other.email), is_active=False)
        assert (await founder.refresh(other.refresh_token)).status_code == 200

    async def test_keeps_the_last_owner(self, founder: Founder) -> None:
        owner = await founder.found()
        own = await member_of(owner, owner.email)
        for change in ({"role": "admin"}, {"is_active": False}):
            answer = await edit(owner, own, **change)
            assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
        assert (await edit(owner, own, workshop_ids=[await founder.workshop(owner)])).status_code == 422
        second = await founder.join(owner, "owner")
        assert (await edit(second, own, role="viewer")).status_code == 200

    async def test_lets_an_admin_touch_neither_owners_nor_admins(self, founder: Founder) -> None:
        owner = await founder.found()
        admin, viewer = await founder.join(owner, "admin"), await founder.join(owner, "viewer")
        for email, change, status in (
            (owner.email, {"role": "viewer"}, 403),
            (admin.email, {"role": "owner"}, 403),
            (viewer.email, {"role": "admin"}, 403),
            (viewer.email, {"role": "manager"}, 200),
        ):
            assert (await edit(admin, await member_of(owner, email), **change)).status_code == status

    async def test_knows_no_member_of_another_organisation(self, founder: Founder, owner: Person) -> None:
        other = await founder.found()
        foreign = await member_of(other, other.email)
        assert (await edit(owner, foreign, role="viewer")).status_code == 404


class TestReadMember:
    async def test_shows_one_of_the_own_organisation(self, founder: Founder, owner: Person) -> None:
        member, foreign = await member_of(owner, owner.email), await founder.found()
        answer = await owner.client.get(f"{MEMBERS}/{member['id']}")
        assert (answer.json(), answer.headers["etag"]) == (member, f'"{member["revision"]}"')
        for unseen in ((await member_of(foreign, foreign.email))["id"], str(uuid4())):
            assert (await owner.client.get(f"{MEMBERS}/{unseen}")).json()["code"] == "member_not_found"


async def transfer(person: Person, member: dict[str, Any]) -> httpx.Response:
    return await persistently(lambda: person.client.post(f"{MEMBERS}/{member['id']}/transfer-ownership"))


async def owners(person: Person) -> list[str]:
    items = (await person.client.get(MEMBERS)).raise_for_status().json()["items"]
    return [item["email"] for item in items if item["role"] == "owner" and item["is_active"]]


class TestTransferOwnership:
    async def test_makes_the_member_the_owner_and_the_owner_an_admin(
        self, founder: Founder, announced: Callable[..., Any], eventually: Callable[..., Any]
    ) -> None:
        owner = await founder.found()
        heir = await founder.join(owner, "technician", [await founder.workshop(owner)])
        answer = await transfer(owner, await member_of(owner, heir.email))
        assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
        assert {name: answer.json()[name] for name in ("email", "role", "workshop_ids")} == {
            "email": heir.email,
            "role": "owner",
            "workshop_ids": None,
        }
        told = await announced(owner.organization_id, "tenancy.membership.changed.v1")
        assert [(version, body["role"]) for version, body in told[-2:]] == [(2, "owner"), (2, "admin")]
        revoked = [body for _, body in await announced(owner.organization_id, "tenancy.access.revoked.v1")]
        assert [body["kind"] for body in revoked] == ["member", "member"]
        assert {body["subject_id"] for body in revoked} == {body["user_id"] for _, body in told[-2:]}
        for person in (owner, heir):
            await eventually(lambda person=person: _refused(person), within=3)
        former = founder.client((await founder.refresh(owner.refresh_token)).json())
        assert (await former.get(MEMBERS)).status_code == 200
        assert (await former.post(f"{MEMBERS}/{uuid4()}/transfer-ownership")).json()["code"] == "scope_missing"
        new = await founder.sign_in(heir.email)
        assert await owners(new) == [heir.email]

    async def test_knows_no_member_who_left_is_foreign_or_never_was(self, founder: Founder) -> None:
        owner, other = await founder.found(), await founder.found()
        gone = await founder.join(owner, "admin")
        await edit(owner, await member_of(owner, gone.email), is_active=False)
        for member in (await member_of(owner, gone.email), await member_of(other, other.email), {"id": uuid4()}):
            answer = await transfer(owner, member)
            assert (answer.status_code, answer.json()["code"]) == (404, "member_not_found")
        assert await owners(owner) == [owner.email]

    async def test_is_not_to_oneself(self, owner: Person) -> None:
        answer = await transfer(owner, await member_of(owner, owner.email))
        assert (answer.status_code, answer.json()["code"]) == (409, "owner_already")

    async def test_is_for_the_owner_alone(self, founder: Founder) -> None:
        owner = await founder.found()
        admin = await founder.join(owner, "admin")
        answer = await transfer(admin, await member_of(owner, admin.email))
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")

    async def test_asks_for_a_recent_sign_in(self, founder: Founder, issuer: Issuer, connect: Connect) -> None:
        claims = issuer.claims(new_id())
        old = msgspec.structs.replace(claims, auth_time=claims.iat - 301)
        client = connect("tenancy")
        client.headers["authorization"] = f"Bearer {tokens.sign(old, issuer.key)}"
        answer = await client.post(f"{MEMBERS}/{uuid4()}/transfer-ownership")
        assert (answer.status_code, answer.json()["code"]) == (401, "recent_sign_in_required")

    async def test_to_many_at_once_gives_one_owner(self, founder: Founder) -> None:
        owner = await founder.found()
        heirs = [await founder.join(owner, "admin") for _ in range(4)]
        members = [await member_of(owner, heir.email) for heir in heirs]
        answers = await asyncio.gather(*(transfer(owner, member) for member in members))
        assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403]
        assert {answer.json()["code"] for answer in answers if answer.status_code == 403} == {"not_the_owner"}
        assert len(await owners(await founder.sign_in(owner.email))) == 1

    async def test_by_two_owners_to_each_other_leaves_one(self, founder: Founder) -> None:
        one = await founder.found()
        two = await founder.join(one, "owner")
        to_two, to_one = await member_of(one, two.email), await member_of(one, one.email)
        answers = await asyncio.gather(transfer(one, to_two), transfer(two, to_one))
        assert [answer.status_code for answer in answers] == [200, 200]
        assert len(await owners(await founder.sign_in(one.email))) == 1

    async def test_and_the_heir_leaving_at_once_leave_an_owner(self, founder: Founder) -> None:
        owner = await founder.found()
        heir = await founder.join(owner, "admin")
        member = await member_of(owner, heir.email)
        await asyncio.gather(transfer(owner, member), leave(heir), leave(heir), leave(heir))
        assert len(await owners(await founder.sign_in(owner.email))) == 1


async def _refused(person: Person) -> bool:
    return (await person.client.get(f"{TENANCY}/workshops")).status_code == 401


async def leave(person: Person) -> httpx.Response:
    return await leave_as(person.client)


async def leave_as(client: httpx.AsyncClient) -> httpx.Response:
    return await persistently(lambda: client.post(f"{MEMBERS}/leave"))


class TestLeave:
    async def test_ends_the_membership_and_its_sessions(
        self, founder: Founder, announced: Callable[..., Any], eventually: Callable[..., Any]
    ) -> None:
        owner = await founder.found()
        viewer = await founder.join(owner, "viewer")
        assert (await leave(viewer)).status_code == 204
        assert (await member_of(owner, viewer.email))["is_active"] is False
        version, body = (await announced(owner.organization_id, "tenancy.membership.changed.v1"))[-1]
        assert (version, body["is_active"]) == (2, False)
        assert (await founder.refresh(viewer.refresh_token)).status_code == 401
        assert (await founder.login(viewer.email)).status_code == 403
        await eventually(lambda: _refused(viewer), within=3)

    async def test_twice_is_as_once(self, founder: Founder, announced: Callable[..., Any]) -> None:
        owner = await founder.found()
        viewer = await founder.join(owner, "viewer")
        answers = await asyncio.gather(*(leave(viewer) for _ in range(4)))
        assert {answer.status_code for answer in answers} <= {204, 401}
        assert len(await announced(owner.organization_id, "tenancy.membership.changed.v1")) == 3

    async def test_is_not_for_the_last_owner(self, founder: Founder) -> None:
        owner = await founder.found()
        await founder.join(owner, "admin")
        answer = await leave(owner)
        assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")

    async def test_of_twenty_owners_at_once_keeps_exactly_one(
        self, founder: Founder, superuser: Any, issuer: Issuer, connect: Connect
    ) -> None:
        owner = await founder.found()
        users = [new_id() for _ in range(19)]
        for user in users:
            await superuser.execute(
                """
                WITH made AS (
                    INSERT INTO tenancy.users (id, email, name, password_hash, locale, created_at, updated_at)
                    VALUES ($1, $2, 'Owner', '-', 'de', now(), now())
                    RETURNING id
                )
                INSERT INTO tenancy.workshop_users (organization_id, id, user_id, role, created_at, updated_at)
                SELECT $3, $1, made.id, 'owner', now(), now() FROM made
                """,
                user,
                f"{user.hex}@example.org",
                owner.organization_id,
            )
        clients = [owner.client, *(connect("tenancy") for _ in users)]
        for client, user in zip(clients[1:], users, strict=True):
            client.headers["authorization"] = f"Bearer {issuer.token(owner.organization_id, 'owner', user_id=user)}"
        answers = await asyncio.gather(*(leave_as(client) for client in clients))
        assert sorted(answer.status_code for answer in answers) == [204] * 19 + [409]
        left = await superuser.fetchval(
            "SELECT count(*) FROM tenancy.workshop_users WHERE organization_id = $1 AND role = 'owner' AND is_active",
            owner.organization_id,
        )
        assert left == 1
