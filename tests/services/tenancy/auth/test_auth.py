"""Signing in."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any
from uuid import UUID

import pytest

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.web.edge import Edge
from carbot_tenancy import passwords
from carbot_tenancy.auth import credentials
from carbot_tenancy.passwords import Passwords, PasswordsBusy
from carbot_testing.founding import PASSWORD, TENANCY, Founder, Person, new_email
from carbot_testing.running import client


class TestSignIn:
    async def test_gives_tokens_of_ten_minutes(self, founder: Founder, owner: Person) -> None:
        answer = (await founder.login(f" {owner.email.upper()}")).json()
        assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)
        assert (await founder.client(answer).get(f"{TENANCY}/organizations/current")).status_code == 200

    async def test_answers_an_unknown_address_like_a_wrong_password(self, founder: Founder, owner: Person) -> None:
        wrong, unknown = await founder.login(owner.email, "wrong"), await founder.login(new_email("unknown"), "wrong")
        assert (wrong.status_code, wrong.json()["code"]) == (401, "wrong_credentials")
        assert {**wrong.json(), "trace_id": ""} == {**unknown.json(), "trace_id": ""}

    @pytest.mark.parametrize("known", [True, False])
    async def test_refuses_after_five_failures_even_at_once(self, founder: Founder, *, known: bool) -> None:
        email = (await founder.found()).email if known else new_email("unknown")
        answers = [
            answer.status_code for answer in await asyncio.gather(*(founder.login(email, "no") for _ in range(8)))
        ]
        assert answers.count(401) <= 5
        while (last := await founder.login(email, "no")).status_code != 429:
            answers.append(last.status_code)
        assert answers.count(401) == 5
        right = await founder.login(email)
        assert right.status_code == 429
        assert 0 < int(right.headers["retry-after"]) <= 900

    async def test_enters_the_first_organisation_or_the_named_one(self, founder: Founder, owner: Person) -> None:
        other = await founder.found()
        invitation = {"email": owner.email, "role": "viewer"}
        assert (await other.client.post(f"{TENANCY}/invitations", json=invitation)).status_code == 201
        acceptance = {"token": await founder.mailbox.token(owner.email, count=2), "name": "x", "password": PASSWORD}
        assert (await founder.nobody.post(f"{TENANCY}/invitations/accept", json=acceptance)).status_code == 201
        assert (await founder.sign_in(owner.email)).organization_id == owner.organization_id
        named = await founder.sign_in(owner.email, organization_id=str(other.organization_id))
        assert named.organization_id == other.organization_id

    async def test_refuses_an_organisation_where_the_user_is_no_member(self, founder: Founder, owner: Person) -> None:
        other = await founder.found()
        for organization_id in (str(owner.organization_id), "0190b5a0-0000-7000-8000-000000000000"):
            answer = await founder.login(other.email, organization_id=organization_id)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_a_member")

    async def test_counts_failures_of_a_network_over_all_accounts(
        self, founder: Founder, edges: dict[str, Edge], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        person = await founder.found()
        monkeypatch.setattr(credentials, "MOST_FAILURES_OF_NETWORK", 3)
        guesser, neighbour = client(edges["tenancy"], "tenancy"), client(edges["tenancy"], "tenancy")
        login, right = f"{TENANCY}/auth/login", {"email": person.email, "password": PASSWORD}
        for _ in range(3):
            answer = await guesser.post(login, json={"email": new_email("guessed"), "password": "no"})
            assert answer.status_code == 401
        refused = await guesser.post(login, json=right)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_failures")
        assert 0 < int(refused.headers["retry-after"]) <= 900
        assert (await neighbour.post(login, json=right)).status_code == 200

    @pytest.mark.parametrize(
        ("address", "network"),
        [
            ("203.0.113.9", "203.0.113.9"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
            ("", ""),
        ],
    )
    def test_takes_for_one_network_what_one_customer_has(self, address: str, network: str) -> None:
        assert credentials.network_of(address) == network

    async def test_lets_owners_alone_into_an_organisation_that_closes(
        self, founder: Founder, eventually: Callable[..., Any]
    ) -> None:
        owner = await founder.found()
        viewer = await founder.join(owner, "viewer")
        current = f"{TENANCY}/organizations/current"
        assert (await owner.client.post(f"{current}/close", json={})).status_code == 202
        assert (await founder.login(viewer.email)).json()["code"] == "organization_closing"

        async def refused() -> bool:
            return (await owner.client.get(current)).status_code == 401

        async def reads() -> bool:
            client = (await founder.sign_in(owner.email)).client
            return (await client.get(current)).status_code == 200

        assert await eventually(refused)
        # What is issued while the organisation is being closed is refused for five seconds.
        assert await eventually(reads, within=10)
        client = (await founder.sign_in(owner.email)).client
        assert (await client.get(f"{TENANCY}/members")).json()["code"] == "scope_missing"


class TestSwitch:
    async def test_opens_a_session_in_another_organisation_with_the_role_there(self, founder: Founder) -> None:
        host, person = await founder.found(), await founder.found()
        await host.client.post(f"{TENANCY}/invitations", json={"email": person.email, "role": "viewer"})
        acceptance = {"token": await founder.mailbox.token(person.email, count=2), "name": "x", "password": PASSWORD}
        await founder.nobody.post(f"{TENANCY}/invitations/accept", json=acceptance)
        switch, key = f"{TENANCY}/auth/switch", {"idempotency-key": "switch-1"}
        body = {"organization_id": str(host.organization_id)}
        answer = await person.client.post(switch, json=body, headers=key)
        assert (answer.status_code, answer.json()["organization_id"]) == (200, str(host.organization_id))
        assert (await person.client.post(switch, json=body, headers=key)).content == answer.content
        there = founder.client(answer.json())
        assert (await there.get(f"{TENANCY}/organizations/current")).json()["id"] == str(host.organization_id)
        assert (await there.post(f"{TENANCY}/invitations", json={})).json()["code"] == "scope_missing"
        assert (await person.client.get(f"{TENANCY}/members")).status_code == 200
        assert (await founder.refresh(answer.json()["refresh_token"])).status_code == 200

    async def test_refuses_where_the_user_is_no_member_like_what_never_was(
        self, founder: Founder, owner: Person
    ) -> None:
        other = await founder.found()
        for organization_id in (str(owner.organization_id), "0190b5a0-0000-7000-8000-000000000000"):
            answer = await other.client.post(f"{TENANCY}/auth/switch", json={"organization_id": organization_id})
            assert (answer.status_code, answer.json()["code"]) == (403, "not_a_member")


class TestOwnMemberships:
    async def test_are_seen_only_by_their_user_and_only_without_an_organisation(
        self, founder: Founder, owner: Person, api_databases: dict[str, Database]
    ) -> None:
        members = (await owner.client.get(f"{TENANCY}/members")).json()["items"]
        user_id = next(UUID(member["user_id"]) for member in members if member["email"] == owner.email)
        other = await founder.found()
        for context, seen in (
            (Context(user_id=user_id), True),
            (Context(user_id=other.organization_id), False),
            (Context(user_id=user_id, organization_id=other.organization_id), False),
            (Context(), False),
        ):
            async with api_databases["tenancy"].transaction(context) as tx:
                found = await tx.value(
                    bool, "SELECT EXISTS (SELECT FROM tenancy.workshop_users WHERE user_id = $1)", user_id
                )
            assert found is seen


class TestPasswords:
    async def test_are_refused_when_too_many_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(passwords, "WAITING", 1)
        pool = Passwords()
        answers = await asyncio.gather(*(pool.hash("a password") for _ in range(6)), return_exceptions=True)
        assert [isinstance(answer, PasswordsBusy) for answer in answers].count(True) == 4
        assert await pool.verify(await pool.hash("ü"), "u\u0308")

    async def test_make_a_crowd_wait_and_nobody_who_comes_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(passwords, "REST", 20)
        pool = Passwords()
        began = monotonic()
        for _ in range(4):
            await pool.hash("a password")
        alone = monotonic() - began
        await asyncio.gather(*(pool.hash("a password") for _ in range(6)))
        assert monotonic() - began - alone > 2 * alone

    async def test_of_nobody_are_never_right(self) -> None:
        pool = Passwords()
        assert await pool.verify(None, "nobody has this one") is False
        assert await pool.verify("no hash at all", "x") is False
