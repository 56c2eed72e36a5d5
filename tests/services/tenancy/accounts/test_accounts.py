"""One's own account: profile, password, e-mail address."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from carbot_testing.founding import PASSWORD, TENANCY, Founder, Person, new_email

AUTH = f"{TENANCY}/auth"
NEW = "another horse battery"


def told(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json().get("code")


async def text_of(founder: Founder, email: str, count: int) -> str:
    mail = await founder.mailbox.wait_for(email, count=count)
    body = mail.get_body(("plain",))
    assert body is not None
    return body.get_content()


class TestReadAccount:
    async def test_shows_every_organisation_of_the_user(self, founder: Founder) -> None:
        person, other = await founder.found(), await founder.found()
        await other.client.post(f"{TENANCY}/invitations", json={"email": person.email, "role": "viewer"})
        acceptance = {"token": await founder.mailbox.token(person.email, count=2), "name": "x", "password": PASSWORD}
        await founder.nobody.post(f"{TENANCY}/invitations/accept", json=acceptance)
        me = (await person.client.get(f"{AUTH}/me")).json()
        assert (me["email"], me["name"], me["locale"]) == (person.email, "Anna Müller", "de")
        assert [(each["id"], each["role"], each["status"]) for each in me["organizations"]] == [
            (str(person.organization_id), "owner", "trial"),
            (str(other.organization_id), "viewer", "trial"),
        ]
        assert {each["name"] for each in me["organizations"]} == {"Autohaus Müller & Söhne GmbH"}


class TestEditAccount:
    async def test_changes_name_and_language_and_nothing_else(self, founder: Founder) -> None:
        person = await founder.found()
        before = await person.client.get(f"{AUTH}/me")
        change, headers = {"name": "Änne Müller", "locale": "en"}, {"if-match": before.headers["etag"]}
        after = await person.client.patch(f"{AUTH}/me", json=change, headers=headers)
        assert after.status_code == 200
        assert after.json() == {**before.json(), **change, "revision": 2}
        assert (await person.client.patch(f"{AUTH}/me", json=change, headers=headers)).status_code == 412
        assert (await person.client.patch(f"{AUTH}/me", json=change)).status_code == 428
        assert (await person.client.patch(f"{AUTH}/me", json={"email": "x@y.de"}, headers=headers)).status_code == 422


class TestChangePassword:
    async def test_ends_every_other_session_and_tells(self, founder: Founder, eventually: Callable[..., Any]) -> None:
        person = await founder.found()
        other = await founder.sign_in(person.email)
        body = {"current_password": PASSWORD, "new_password": NEW}
        key = {"idempotency-key": "change-1"}
        assert (await person.client.post(f"{AUTH}/password", json=body, headers=key)).status_code == 204
        again = await person.client.post(f"{AUTH}/password", json=body, headers=key)
        assert (again.status_code, again.headers["idempotent-replayed"]) == (204, "true")

        async def refused() -> bool:
            return (await other.client.get(f"{TENANCY}/workshops")).status_code == 401

        assert await eventually(refused)
        assert (await founder.refresh(other.refresh_token)).status_code == 401
        assert (await person.client.get(f"{TENANCY}/workshops")).status_code == 200
        assert (await founder.refresh(person.refresh_token)).status_code == 200
        assert told(await founder.login(person.email)) == (401, "wrong_credentials")
        assert (await founder.login(person.email, NEW)).status_code == 200
        assert "Passwort" in await text_of(founder, person.email, 2)

    @pytest.mark.parametrize(
        ("new", "why"),
        [("seven77", "short"), ("qwertyuiop", "common"), ("QwertyUiop", "common"), ("Heute ist müller dran", "name")],
    )
    async def test_refuses_a_weak_one(self, founder: Founder, owner: Person, new: str, why: str) -> None:
        body = {"current_password": PASSWORD, "new_password": new}
        answer = await owner.client.post(f"{AUTH}/password", json=body)
        assert (*told(answer), answer.json()["errors"][0]["pointer"]) == (422, "weak_password", "/new_password"), why

    async def test_counts_wrong_ones(self, founder: Founder) -> None:
        person = await founder.found()
        body = {"current_password": "wrong", "new_password": NEW}
        for _ in range(5):
            assert told(await person.client.post(f"{AUTH}/password", json=body)) == (401, "wrong_credentials")
        right = {**body, "current_password": PASSWORD}
        assert told(await person.client.post(f"{AUTH}/password", json=right)) == (429, "too_many_failures")


class TestResetPassword:
    async def test_answers_known_and_unknown_the_same_and_writes_to_the_known_alone(self, founder: Founder) -> None:
        person, unknown = await founder.found(), new_email("unknown")
        answers = [
            await founder.nobody.post(f"{AUTH}/password-reset", json={"email": e}) for e in (unknown, person.email)
        ]
        assert [(answer.status_code, answer.content) for answer in answers] == [
            (202, b'{"status":"reset_requested"}'),
            (202, b'{"status":"reset_requested"}'),
        ]
        await founder.mailbox.token(person.email, count=2)
        assert founder.mailbox.to(unknown) == []

    async def test_works_once_and_ends_every_session(self, founder: Founder, eventually: Callable[..., Any]) -> None:
        person = await founder.found()
        for _ in range(6):
            await founder.login(person.email, "forgotten")
        assert (await founder.login(person.email)).status_code == 429
        await founder.nobody.post(f"{AUTH}/password-reset", json={"email": f" {person.email.upper()}"})
        token = await founder.mailbox.token(person.email, count=2)
        weak = await founder.nobody.post(
            f"{AUTH}/password-reset/confirm", json={"token": token, "password": "12345678"}
        )
        assert told(weak) == (422, "weak_password")
        body = {"token": token, "password": NEW}
        answers = await asyncio.gather(
            *(founder.nobody.post(f"{AUTH}/password-reset/confirm", json=body) for _ in range(3))
        )
        assert sorted(answer.status_code for answer in answers) == [204, 422, 422]
        assert (await founder.refresh(person.refresh_token)).status_code == 401

        async def refused() -> bool:
            return (await person.client.get(f"{TENANCY}/workshops")).status_code == 401

        assert await eventually(refused)
        assert (await founder.login(person.email, NEW)).status_code == 200
        assert "Passwort" in await text_of(founder, person.email, 3)

    async def test_takes_no_token_of_another_kind(self, founder: Founder) -> None:
        email = new_email("other")
        await founder.register(email)
        token = await founder.mailbox.token(email)
        for text in (token, token.replace("vrf_", "pwr_"), token.replace("vrf_", "eml_"), "nonsense"):
            for path, rest in (("password-reset/confirm", {"password": NEW}), ("email/confirm", {})):
                answer = await founder.nobody.post(f"{AUTH}/{path}", json={"token": text, **rest})
                assert told(answer) == (422, "token_not_valid")


class TestChangeEmail:
    async def test_counts_when_the_new_address_is_proved_and_both_are_told(self, founder: Founder) -> None:
        person, new = await founder.found(), new_email("new")
        answer = await person.client.post(f"{AUTH}/email", json={"email": new.upper()})
        assert (answer.status_code, answer.json()) == (202, {"status": "confirmation_sent"})
        token = await founder.mailbox.token(new)
        assert "token=" not in await text_of(founder, person.email, 2)
        assert (await founder.login(new)).status_code == 401
        for status in (204, 422):
            assert (await founder.nobody.post(f"{AUTH}/email/confirm", json={"token": token})).status_code == status
        assert (await founder.login(new)).status_code == 200
        assert (await founder.login(person.email)).status_code == 401
        await founder.mailbox.wait_for(person.email, count=3)

    async def test_answers_a_taken_address_the_same_and_changes_nothing(self, founder: Founder) -> None:
        person, other = await founder.found(), await founder.found()
        taken = await person.client.post(f"{AUTH}/email", json={"email": other.email})
        free = await person.client.post(f"{AUTH}/email", json={"email": new_email("free")})
        assert (taken.status_code, taken.content) == (free.status_code, free.content)
        assert "token=" not in await text_of(founder, other.email, 2)
        own = await person.client.post(f"{AUTH}/email", json={"email": person.email})
        assert told(own) == (422, "same_email")

    async def test_loses_the_race_for_an_address(self, founder: Founder) -> None:
        one, two, wanted = await founder.found(), await founder.found(), new_email("wanted")
        for person in (one, two):
            await person.client.post(f"{AUTH}/email", json={"email": wanted})
        tokens = [await founder.mailbox.token(wanted, count=number) for number in (1, 2)]
        answers = await asyncio.gather(
            *(founder.nobody.post(f"{AUTH}/email/confirm", json={"token": token}) for token in tokens)
        )
        assert sorted(answer.status_code for answer in answers) == [204, 422]
