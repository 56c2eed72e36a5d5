"""Invitations."""

import asyncio

from carbot_testing.founding import PASSWORD, TENANCY, Founder, Person, new_email

INVITATIONS = f"{TENANCY}/invitations"


class TestInvite:
    async def test_refuses_unknown_and_foreign_workshops_alike(self, founder: Founder, owner: Person) -> None:
        foreign = await founder.workshop(await founder.found())
        for workshop in (foreign, "0190b5a0-0000-7000-8000-000000000000"):
            body = {"email": new_email("x"), "role": "viewer", "workshop_ids": [workshop]}
            answer = await owner.client.post(INVITATIONS, json=body)
            assert (answer.status_code, answer.json()["code"]) == (404, "workshop_not_found")

    async def test_gives_nobody_more_than_one_has(self, founder: Founder) -> None:
        owner = await founder.found()
        workshop = await founder.workshop(owner)
        admin = await founder.join(owner, "admin", [workshop])
        for role, workshops, status in (
            ("owner", None, 403),
            ("admin", [workshop], 403),
            ("viewer", None, 403),
            ("viewer", [workshop], 201),
        ):
            body = {"email": new_email("x"), "role": role, "workshop_ids": workshops}
            assert (await admin.client.post(INVITATIONS, json=body)).status_code == status

    async def test_refuses_a_member(self, owner: Person) -> None:
        body = {"email": owner.email, "role": "viewer"}
        assert (await owner.client.post(INVITATIONS, json=body)).json()["code"] == "already_a_member"

    async def test_is_listed_without_its_token(self, owner: Person) -> None:
        email = new_email("listed")
        made = (await owner.client.post(INVITATIONS, json={"email": email.upper(), "role": "viewer"})).json()
        listed = (await owner.client.get(INVITATIONS, params={"limit": 1})).json()["items"]
        assert listed == [made]
        assert (made["email"], "token_hash" in made) == (email, False)


class TestAccept:
    async def test_works_once_even_at_once(self, founder: Founder, owner: Person) -> None:
        email = new_email("once")
        await owner.client.post(INVITATIONS, json={"email": email, "role": "viewer"})
        body = {"token": await founder.mailbox.token(email), "name": "Bob", "password": PASSWORD}
        bad = [{**body, "token": "nonsense"}, {**body, "token": body["token"][:-2] + "AA"}]
        answers = [await founder.nobody.post(f"{INVITATIONS}/accept", json=each) for each in bad]
        same = await asyncio.gather(*(founder.nobody.post(f"{INVITATIONS}/accept", json=body) for _ in range(3)))
        assert [answer.status_code for answer in same].count(201) == 1
        answers.append(await founder.nobody.post(f"{INVITATIONS}/accept", json=body))
        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(422, "token_not_valid")}

    async def test_asks_an_account_for_its_password(self, founder: Founder, owner: Person) -> None:
        known = await founder.found()
        await owner.client.post(INVITATIONS, json={"email": known.email, "role": "viewer"})
        body = {"token": await founder.mailbox.token(known.email, count=2), "name": "x", "password": "wrong"}
        assert (await founder.nobody.post(f"{INVITATIONS}/accept", json=body)).status_code == 401
        right = await founder.nobody.post(f"{INVITATIONS}/accept", json={**body, "password": PASSWORD})
        assert (right.status_code, right.json()["organization_id"]) == (201, str(owner.organization_id))

    async def test_refuses_a_weak_password(self, founder: Founder, owner: Person) -> None:
        email = new_email("weak")
        await owner.client.post(INVITATIONS, json={"email": email, "role": "viewer"})
        body = {"token": await founder.mailbox.token(email), "name": "Bob", "password": "short"}
        answer = await founder.nobody.post(f"{INVITATIONS}/accept", json=body)
        assert answer.json()["errors"][0]["pointer"] == "/password"
