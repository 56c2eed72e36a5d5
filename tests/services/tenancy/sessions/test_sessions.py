"""Refresh tokens and signing out."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from carbot_core.db import Context, Database
from carbot_tenancy.sessions import actions
from carbot_testing.founding import TENANCY, Founder, Person


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
