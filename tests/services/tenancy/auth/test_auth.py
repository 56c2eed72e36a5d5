"""Signing in."""

import asyncio
from uuid import UUID

import pytest

from carbot_core.db import Context, Database
from carbot_tenancy import passwords
from carbot_tenancy.passwords import Passwords, PasswordsBusy
from carbot_testing.founding import PASSWORD, TENANCY, Founder, Person, new_email


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
        assert [isinstance(answer, PasswordsBusy) for answer in answers].count(True) == 3
        assert await pool.verify(await pool.hash("ü"), "u\u0308")

    async def test_of_nobody_are_never_right(self) -> None:
        pool = Passwords()
        assert await pool.verify(None, "nobody has this one") is False
        assert await pool.verify("no hash at all", "x") is False
