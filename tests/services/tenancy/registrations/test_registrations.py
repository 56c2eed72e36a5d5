"""Registering, and proving the address."""

import pytest

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_testing.founding import TENANCY, Founder, new_email

VERIFY = f"{TENANCY}/auth/verify-email"


async def count_of_users(database: Database, email: str) -> int | None:
    async with database.transaction(Context()) as tx:
        return await tx.value(int, "SELECT count(*) FROM tenancy.users WHERE email = $1", email)


class TestRegister:
    async def test_makes_nothing_before_the_address_is_proved(
        self, founder: Founder, api_databases: dict[str, Database]
    ) -> None:
        email = new_email("early")
        answer = await founder.register(f"  {email.upper()} ")
        assert (answer.status_code, answer.json()) == (202, {"status": "verification_sent"})
        await founder.mailbox.token(email)
        assert await count_of_users(api_databases["tenancy"], email) == 0
        assert (await founder.login(email)).status_code == 401

    async def test_answers_a_known_address_the_same_and_writes_to_it(self, founder: Founder) -> None:
        known = await founder.found()
        unknown = await founder.register(new_email("new"))
        answer = await founder.register(known.email, password="another one 123")
        assert (unknown.status_code, unknown.content) == (answer.status_code, answer.content)
        mail = await founder.mailbox.wait_for(known.email, count=2)
        body = mail.get_body(("plain",))
        assert body is not None
        assert "token=" not in body.get_content()

    @pytest.mark.parametrize("email", ["nobody", "a@@b.de", "a b@c.de", "a,b@c.de", "a@b", "a@b.de\nBcc: x@y.de"])
    async def test_refuses_what_is_no_address(self, founder: Founder, email: str) -> None:
        answer = await founder.register(email)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/owner/email")

    @pytest.mark.parametrize("password", ["seven77", "my name is anna müller", "weak-12345 indeed"])
    async def test_refuses_a_weak_password(self, founder: Founder, password: str) -> None:
        answer = await founder.register("weak-12345@example.org", password=password)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/owner/password")


class TestVerifyEmail:
    async def test_works_once(self, founder: Founder) -> None:
        email = new_email("once")
        await founder.register(email)
        token = await founder.mailbox.token(email)
        forged = token[:-1] + ("A" if token[-1] != "A" else "B")
        for body, status in ((forged, 422), (token, 204), (token, 422), ("nonsense", 422)):
            assert (await founder.nobody.post(VERIFY, json={"token": body})).status_code == status
        person = await founder.sign_in(email)
        organization = (await person.client.get(f"{TENANCY}/organizations/current")).json()
        assert (organization["status"], organization["slug"][:21]) == ("trial", "autohaus-mueller-soeh")

    async def test_of_two_registrations_of_an_address_keeps_the_first_proved(
        self, founder: Founder, api_databases: dict[str, Database]
    ) -> None:
        email = new_email("twice")
        for _ in range(2):
            await founder.register(email)
        first, second = [await founder.mailbox.token(email, count=number) for number in (1, 2)]
        assert (await founder.nobody.post(VERIFY, json={"token": second})).status_code == 204
        assert (await founder.nobody.post(VERIFY, json={"token": first})).status_code == 422
        assert await count_of_users(api_databases["tenancy"], email) == 1

    async def test_keeps_an_account_that_the_address_came_to_meanwhile(
        self, founder: Founder, api_databases: dict[str, Database]
    ) -> None:
        host, email = await founder.found(), new_email("meanwhile")
        await founder.register(email, password="the registered one")
        token = await founder.mailbox.token(email)
        await host.client.post(f"{TENANCY}/invitations", json={"email": email, "role": "viewer"})
        invited = {"token": await founder.mailbox.token(email, count=2), "name": "B", "password": "the accepted one"}
        assert (await founder.nobody.post(f"{TENANCY}/invitations/accept", json=invited)).status_code == 201
        assert (await founder.nobody.post(VERIFY, json={"token": token})).status_code == 204
        assert await count_of_users(api_databases["tenancy"], email) == 1
        assert (await founder.login(email, "the registered one")).status_code == 401
        assert (await founder.login(email, "the accepted one")).status_code == 200
