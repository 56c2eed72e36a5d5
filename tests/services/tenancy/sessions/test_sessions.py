"""Refresh tokens and signing out."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_tenancy.sessions import actions
from carbot_testing.founding import PASSWORD, TENANCY, Founder, Person

SESSIONS = f"{TENANCY}/auth/sessions"


class TestRefresh:
    async def test_gives_the_same_successor_to_whoever_repeats_at_once(self, founder: Founder, owner: Person) -> None:
        first = (await founder.sign_in(owner.email)).refresh_token
        answers = await asyncio.gather(*(founder.refresh(first) for _ in range(5)))
        successors = {answer.json()["refresh_token"] for answer in answers}
        assert len(successors) == 1
        assert (await founder.refresh(successors.pop())).status_code == 200

    async def test_ends_the_session_when_an_old_token_comes_again(
        self, founder: Founder, owner: Person, eventually: Callable[..., Any]
    ) -> None:
        first = (await founder.sign_in(owner.email)).refresh_token
        second = (await founder.refresh(first)).json()
        third = (await founder.refresh(second["refresh_token"])).json()
        again = await founder.refresh(first)
        assert (again.status_code, again.json()["code"]) == (401, "refresh_token_not_valid")
        assert (await founder.refresh(third["refresh_token"])).status_code == 401
        client = founder.client(third)

        async def refused() -> bool:
            return (await client.get(f"{TENANCY}/workshops")).status_code == 401

        assert await eventually(refused)

    async def test_takes_no_notice_of_a_forged_token(self, founder: Founder, owner: Person) -> None:
        token = (await founder.sign_in(owner.email)).refresh_token
        assert (await founder.refresh(token[:-20] + "A" * 20)).status_code == 401
        assert (await founder.refresh(token)).status_code == 200

    async def test_gives_no_successor_after_ten_seconds(
        self, founder: Founder, owner: Person, edges: dict[str, Any], api_databases: dict[str, Database]
    ) -> None:
        first = (await founder.sign_in(owner.email)).refresh_token
        second = (await founder.refresh(first)).json()["refresh_token"]
        later = datetime.now(UTC) + actions.REPEAT + timedelta(seconds=1)
        keyring = edges["tenancy"].app.state.keyring
        for token in (first, second):
            try:
                await actions.refresh(api_databases["tenancy"], keyring, token, Context(), later)
            except actions.RefreshTokenNotValid:
                continue
            raise AssertionError("the session should have ended")

    async def test_ends_after_ninety_days_however_often_it_is_used(
        self, founder: Founder, owner: Person, edges: dict[str, Any], api_databases: dict[str, Database]
    ) -> None:
        token, at = (await founder.sign_in(owner.email)).refresh_token, datetime.now(UTC)
        keyring = edges["tenancy"].app.state.keyring
        for _ in range(3):
            at += timedelta(days=29)
            token = (await actions.refresh(api_databases["tenancy"], keyring, token, Context(), at)).refresh_token
        assert (await founder.refresh(token)).status_code == 200
        try:
            await actions.refresh(api_databases["tenancy"], keyring, token, Context(), at + timedelta(days=4))
        except actions.RefreshTokenNotValid:
            return
        raise AssertionError("the session should have ended")


class TestSignOut:
    async def test_ends_the_session_everywhere(
        self, founder: Founder, owner: Person, eventually: Callable[..., Any]
    ) -> None:
        person = await founder.sign_in(owner.email)
        assert (await person.client.post(f"{TENANCY}/auth/logout")).status_code == 204
        assert (await founder.refresh(person.refresh_token)).status_code == 401

        async def refused() -> bool:
            return (await person.client.get(f"{TENANCY}/workshops")).status_code == 401

        assert await eventually(refused)
        assert (await owner.client.get(f"{TENANCY}/workshops")).status_code == 200


class TestOwnSessions:
    async def test_are_listed_in_all_organisations_and_ended_one_by_one(
        self, founder: Founder, eventually: Callable[..., Any]
    ) -> None:
        person = await founder.found()
        other = await founder.sign_in(person.email)
        listed = (await person.client.get(SESSIONS)).json()["items"]
        assert [each["is_current"] for each in listed] == [False, True]
        assert all(each["user_agent"].startswith("python-httpx") and each["address"] for each in listed)
        assert (await person.client.post(f"{SESSIONS}/{listed[0]['id']}/end")).status_code == 204

        async def refused() -> bool:
            return (await other.client.get(f"{TENANCY}/workshops")).status_code == 401

        assert await eventually(refused)
        assert (await founder.refresh(other.refresh_token)).status_code == 401
        assert [each["id"] for each in (await person.client.get(SESSIONS)).json()["items"]] == [listed[1]["id"]]
        assert (await person.client.post(f"{SESSIONS}/{listed[0]['id']}/end")).status_code == 404

    async def test_of_others_are_not_found(self, founder: Founder, owner: Person) -> None:
        person = await founder.found()
        foreign = (await person.client.get(SESSIONS)).json()["items"][0]["id"]
        assert (await owner.client.post(f"{SESSIONS}/{foreign}/end")).status_code == 404
        assert (await founder.refresh(person.refresh_token)).status_code == 200

    @pytest.mark.parametrize("keep", [True, False])
    async def test_end_all_at_once(self, founder: Founder, *, keep: bool) -> None:
        person, host = await founder.found(), await founder.found()
        await host.client.post(f"{TENANCY}/invitations", json={"email": person.email, "role": "viewer"})
        acceptance = {"token": await founder.mailbox.token(person.email, count=2), "name": "x", "password": PASSWORD}
        await founder.nobody.post(f"{TENANCY}/invitations/accept", json=acceptance)
        elsewhere = await founder.sign_in(person.email, organization_id=str(host.organization_id))
        assert (await person.client.post(f"{SESSIONS}/end-all", json={"keep_current": keep})).status_code == 204
        assert (await founder.refresh(elsewhere.refresh_token)).status_code == 401
        assert (await founder.refresh(person.refresh_token)).status_code == (200 if keep else 401)
        assert (await founder.refresh(host.refresh_token)).status_code == 200


class TestRaces:
    async def test_never_leave_two_successors_and_sign_nobody_honest_out(self, founder: Founder) -> None:
        """50 of the 1 000 that `make bench` runs: four tabs refresh at once, then go on with what they got."""
        people = [await founder.found() for _ in range(2)]
        for person in people:
            for _ in range(5):
                token = (await founder.sign_in(person.email)).refresh_token
                for _ in range(5):
                    answers = await asyncio.gather(*(founder.refresh(token) for _ in range(4)))
                    assert [answer.status_code for answer in answers] == [200] * 4
                    (token,) = {answer.json()["refresh_token"] for answer in answers}
