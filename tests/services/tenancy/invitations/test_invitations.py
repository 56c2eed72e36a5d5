"""Invitations."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from carbot_testing.founding import PASSWORD, TENANCY, Founder, Person, new_email, persistently

INVITATIONS = f"{TENANCY}/invitations"


async def invite(person: Person, email: str, role: str = "viewer", **rest: Any) -> dict[str, Any]:
    body = {"email": email, "role": role, **rest}
    answer = await persistently(lambda: person.client.post(INVITATIONS, json=body))
    made: dict[str, Any] = answer.raise_for_status().json()
    return made


async def ask(person: Person, verb: str, invitation: dict[str, Any], **headers: str) -> httpx.Response:
    return await persistently(lambda: person.client.post(f"{INVITATIONS}/{invitation['id']}/{verb}", headers=headers))


async def accept(founder: Founder, token: str, **changes: Any) -> httpx.Response:
    body = {"token": token, "name": "Bob", "password": PASSWORD, **changes}
    return await founder.nobody.post(f"{INVITATIONS}/accept", json=body)


async def listed(person: Person, invitation: dict[str, Any]) -> dict[str, Any]:
    items = (await person.client.get(INVITATIONS)).json()["items"]
    return next(item for item in items if item["id"] == invitation["id"])


def is_dead(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.json()["code"]) == (422, "token_not_valid")


async def let_expire(superuser: Any, invitation: dict[str, Any]) -> None:
    """Let 73 hours pass for an invitation."""
    await superuser.execute(
        """
        UPDATE tenancy.invitations
        SET created_at = created_at - $2::interval, sent_at = sent_at - $2::interval,
            expires_at = expires_at - $2::interval
        WHERE id = $1
        """,
        invitation["id"],
        timedelta(hours=73),
    )


class TestInvite:
    async def test_cannot_be_told_from_inviting_an_account(self, founder: Founder, owner: Person) -> None:
        known, unknown = (await founder.found()).email, new_email("stranger")
        answers = [
            await owner.client.post(INVITATIONS, json={"email": email, "role": "viewer"}) for email in (known, unknown)
        ]
        assert [answer.status_code for answer in answers] == [201, 201]
        one, other = (_without_chance(answer) for answer in answers)
        assert one == other
        letters = [await founder.mailbox.wait_for(known, count=2), await founder.mailbox.wait_for(unknown)]
        assert letters[0]["subject"] == letters[1]["subject"]

    async def test_again_revokes_the_earlier_invitation(self, founder: Founder, owner: Person) -> None:
        email = new_email("again")
        first = await invite(owner, email)
        dead = await founder.mailbox.token(email)
        second = await invite(owner, email, "manager")
        assert (first["state"], second["state"]) == ("pending", "pending")
        assert (await listed(owner, first))["state"] == "revoked"
        assert is_dead(await accept(founder, dead))
        assert (await accept(founder, await founder.mailbox.token(email, count=2))).status_code == 201
        assert (await listed(owner, second))["state"] == "accepted"

    async def test_many_times_at_once_leaves_one_open(self, owner: Person) -> None:
        email = new_email("often")
        await asyncio.gather(*(invite(owner, email) for _ in range(5)))
        items = (await owner.client.get(INVITATIONS)).json()["items"]
        assert sorted(item["state"] for item in items if item["email"] == email) == ["pending"] + ["revoked"] * 4

    async def test_again_is_no_way_to_take_back_an_owners_invitation(self, founder: Founder) -> None:
        owner = await founder.found()
        admin, email = await founder.join(owner, "admin"), new_email("heir")
        await invite(owner, email, "owner")
        answer = await admin.client.post(INVITATIONS, json={"email": email, "role": "viewer"})
        assert (answer.status_code, answer.json()["code"]) == (403, "grant_too_wide")

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

    async def test_needs_no_name_of_an_account_but_one_of_a_new_one(self, founder: Founder, owner: Person) -> None:
        known, email = await founder.found(), new_email("nameless")
        await invite(owner, known.email)
        token = await founder.mailbox.token(known.email, count=2)
        assert (await accept(founder, token, name=None)).status_code == 201
        await invite(owner, email)
        token = await founder.mailbox.token(email)
        answer = await accept(founder, token, name=None)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/name")
        assert (await accept(founder, token)).status_code == 201

    async def test_refuses_what_was_revoked_or_expired_like_any_bad_token(
        self, founder: Founder, owner: Person, superuser: Any
    ) -> None:
        revoked, expired = new_email("revoked"), new_email("expired")
        invitations = [await invite(owner, email) for email in (revoked, expired)]
        tokens = [await founder.mailbox.token(email) for email in (revoked, expired)]
        assert (await ask(owner, "revoke", invitations[0])).status_code == 200
        await let_expire(superuser, invitations[1])
        answers = [await accept(founder, token) for token in (*tokens, tokens[0][:-2] + "AA")]
        assert [is_dead(answer) for answer in answers] == [True, True, True]
        assert len({answer.content.replace(answer.json()["trace_id"].encode(), b"") for answer in answers}) == 1
        assert [(await listed(owner, each))["state"] for each in invitations] == ["revoked", "expired"]

    async def test_lets_nobody_into_a_suspended_organisation(self, founder: Founder, superuser: Any) -> None:
        owner, email = await founder.found(), new_email("late")
        known = await founder.found()
        for address in (email, known.email):
            await invite(owner, address)
        tokens = [await founder.mailbox.token(email), await founder.mailbox.token(known.email, count=2)]
        change = "UPDATE tenancy.organizations SET status = $2 WHERE organization_id = $1"
        await superuser.execute(change, owner.organization_id, "suspended")
        for token in tokens:
            answer = await accept(founder, token)
            assert (answer.status_code, answer.json()["code"]) == (403, "organization_suspended")
        assert is_dead(await accept(founder, tokens[0][:-2] + "AA"))
        await superuser.execute(change, owner.organization_id, "active")
        assert (await accept(founder, tokens[0])).status_code == 201


def _without_chance(answer: httpx.Response) -> Any:
    """Return an answer without what differs between any two."""
    chance = {"id", "email", "expires_at", "sent_at", "created_at"}
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in {"date", "x-request-id", "traceparent", "carbot-consistency", "content-length"}
    }
    return {name: value for name, value in answer.json().items() if name not in chance}, headers, sorted(answer.json())


class TestResend:
    async def test_sends_a_new_link_for_72_hours_and_kills_the_old_one(self, founder: Founder, owner: Person) -> None:
        email = new_email("slow")
        made = await invite(owner, email)
        old = await founder.mailbox.token(email)
        answer = await ask(owner, "resend", made)
        again = answer.json()
        assert (answer.status_code, again["state"], answer.headers["etag"]) == (200, "pending", '"2"')
        assert _instant(again, "expires_at") - _instant(again, "sent_at") == timedelta(hours=72)
        assert _instant(again, "sent_at") > _instant(made, "sent_at")
        assert is_dead(await accept(founder, old))
        assert (await accept(founder, await founder.mailbox.token(email, count=2))).status_code == 201

    async def test_kills_the_old_link_also_when_no_mail_goes_out(self, founder: Founder, owner: Person) -> None:
        email = new_email("impatient")
        made = await invite(owner, email)
        for count in range(2, 6):
            await founder.mailbox.token(email, count=count - 1)
            await ask(owner, "resend", made)
        last = await founder.mailbox.token(email, count=5)
        # The sixth mail of a kind within an hour is not sent.
        assert (await ask(owner, "resend", made)).json()["state"] == "pending"
        assert is_dead(await accept(founder, last))

    async def test_lets_an_expired_one_begin_again(self, founder: Founder, owner: Person, superuser: Any) -> None:
        email = new_email("forgot")
        made = await invite(owner, email)
        await founder.mailbox.token(email)
        await let_expire(superuser, made)
        assert (await ask(owner, "resend", made)).json()["state"] == "pending"
        assert (await accept(founder, await founder.mailbox.token(email, count=2))).status_code == 201

    async def test_refuses_what_has_ended_or_changed(self, founder: Founder, owner: Person) -> None:
        used, revoked = new_email("used"), new_email("revoked")
        accepted, taken_back = await invite(owner, used), await invite(owner, revoked)
        assert (await ask(owner, "resend", taken_back, **{"if-match": '"7"'})).status_code == 412
        await accept(founder, await founder.mailbox.token(used))
        await ask(owner, "revoke", taken_back, **{"if-match": '"1"'})
        for invitation, code in ((accepted, "invitation_accepted"), (taken_back, "invitation_revoked")):
            answer = await ask(owner, "resend", invitation)
            assert (answer.status_code, answer.json()["code"]) == (409, code)


def _instant(invitation: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(invitation[name])


class TestRevoke:
    async def test_ends_it_once_and_for_all(self, founder: Founder, owner: Person) -> None:
        email = new_email("unwanted")
        made = await invite(owner, email)
        token = await founder.mailbox.token(email)
        assert (await ask(owner, "revoke", made, **{"if-match": '"7"'})).status_code == 412
        answers = [await ask(owner, "revoke", made) for _ in range(2)]
        assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [(200, "revoked")] * 2
        assert answers[0].json() == answers[1].json()
        assert is_dead(await accept(founder, token))

    async def test_refuses_what_was_accepted(self, founder: Founder, owner: Person) -> None:
        email = new_email("quick")
        made = await invite(owner, email)
        await accept(founder, await founder.mailbox.token(email))
        answer = await ask(owner, "revoke", made)
        assert (answer.status_code, answer.json()["code"]) == (409, "invitation_accepted")

    async def test_and_accept_at_once_end_in_one_of_both(self, founder: Founder, owner: Person) -> None:
        for _ in range(3):
            email = new_email("race")
            made = await invite(owner, email)
            token = await founder.mailbox.token(email)
            joined, taken_back = await asyncio.gather(accept(founder, token), ask(owner, "revoke", made))
            assert (joined.status_code, taken_back.status_code) in {(201, 409), (422, 200)}


@pytest.mark.parametrize("verb", ["resend", "revoke"])
class TestSomebodyElses:
    async def test_is_unknown(self, founder: Founder, owner: Person, verb: str) -> None:
        foreign = await invite(await founder.found(), new_email("foreign"))
        for invitation in (foreign, {"id": uuid4()}):
            answer = await ask(owner, verb, invitation)
            assert (answer.status_code, answer.json()["code"]) == (404, "invitation_not_found")

    async def test_is_not_for_those_who_could_not_have_sent_it(self, founder: Founder, verb: str) -> None:
        owner = await founder.found()
        workshop = await founder.workshop(owner)
        admin, restricted = await founder.join(owner, "admin"), await founder.join(owner, "admin", [workshop])
        viewer = await founder.join(owner, "viewer")
        of_owner, of_viewer = [await invite(owner, new_email("x"), role) for role in ("owner", "viewer")]
        for person, invitation, status in (
            (admin, of_owner, 403),
            (restricted, of_viewer, 403),
            (viewer, of_viewer, 403),
            (admin, of_viewer, 200),
        ):
            assert (await ask(person, verb, invitation)).status_code == status
