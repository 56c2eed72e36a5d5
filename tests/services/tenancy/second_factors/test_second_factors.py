"""The second factor: set up, asked for, replaced by recovery codes, removed."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pyotp.totp import TOTP

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_tenancy.second_factors import codes
from carbot_testing.founding import TENANCY, Founder, Person

FACTOR = f"{TENANCY}/auth/second-factor"
STEP_UP = f"{TENANCY}/auth/step-up"


def code(secret: str, *, steps: int = 0) -> str:
    """Return what the app shows, or will show after so many steps."""
    return TOTP(secret).at(datetime.now(UTC), counter_offset=steps)


async def set_up(person: Person) -> tuple[str, list[str]]:
    """Set up an authenticator; return its secret and the recovery codes."""
    secret: str = (await person.client.post(FACTOR)).raise_for_status().json()["secret"]
    answer = await person.client.post(f"{FACTOR}/confirm", json={"totp": code(secret)})
    return secret, answer.raise_for_status().json()["recovery_codes"]


def told(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json().get("code")


class TestEnrol:
    async def test_counts_only_once_it_is_confirmed(self, founder: Founder) -> None:
        person = await founder.found()
        first = (await person.client.post(FACTOR)).json()
        second = (await person.client.post(FACTOR)).json()
        assert first["secret"] != second["secret"]
        assert f"secret={second['secret']}" in second["uri"]
        assert (await founder.login(person.email)).status_code == 200
        confirm = f"{FACTOR}/confirm"
        wrong = await person.client.post(confirm, json={"totp": code(first["secret"])})
        assert (*told(wrong), wrong.json()["errors"][0]["pointer"]) == (422, "wrong_code", "/totp")
        answer = await person.client.post(confirm, json={"totp": code(second["secret"])})
        assert len(set(answer.json()["recovery_codes"])) == codes.RECOVERY_CODES
        assert told(await founder.login(person.email)) == (401, "second_factor_required")
        assert told(await person.client.post(FACTOR)) == (409, "second_factor_on")
        assert told(await person.client.post(confirm, json={"totp": "000000"})) == (409, "second_factor_on")
        me = (await person.client.get(f"{TENANCY}/auth/me")).json()
        assert (me["second_factor"], me["recovery_codes_left"]) == (True, 10)
        assert "eingeschaltet" in (await founder.mailbox.wait_for(person.email, count=2))["subject"]

    async def test_keeps_the_secret_encrypted_and_the_codes_hashed(
        self, founder: Founder, api_databases: dict[str, Database]
    ) -> None:
        secret, recovery_codes = await set_up(await founder.found())
        async with api_databases["tenancy"].transaction(Context()) as tx:
            readable = await tx.value(
                bool,
                "SELECT EXISTS (SELECT FROM tenancy.second_factors WHERE position($1::bytea IN secret) > 0)",
                secret.encode(),
            )
            stored = await tx.value(
                int,
                "SELECT count(*) FROM tenancy.recovery_codes WHERE code_hash = ANY ($1::text[])",
                [codes.hash_of(each) for each in recovery_codes],
            )
        assert (readable, stored) == (False, 10)


class TestSignIn:
    async def test_takes_each_code_once(self, founder: Founder) -> None:
        person = await founder.found()
        secret, _ = await set_up(person)
        assert told(await founder.login(person.email, totp=code(secret))) == (401, "wrong_credentials")
        coming = code(secret, steps=1)
        answers = await asyncio.gather(*(founder.login(person.email, totp=coming) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]

    async def test_takes_each_recovery_code_once_however_it_is_typed(self, founder: Founder) -> None:
        person = await founder.found()
        _, recovery_codes = await set_up(person)
        typed = recovery_codes[0].lower().replace("-", " ")
        answers = await asyncio.gather(*(founder.login(person.email, recovery_code=typed) for _ in range(3)))
        assert sorted(answer.status_code for answer in answers) == [200, 401, 401]
        assert (await person.client.get(f"{TENANCY}/auth/me")).json()["recovery_codes_left"] == 9
        assert (await founder.login(person.email, recovery_code=recovery_codes[1])).status_code == 200

    async def test_counts_wrong_codes_like_wrong_passwords_and_missing_ones_not(self, founder: Founder) -> None:
        person = await founder.found()
        secret, _ = await set_up(person)
        for _ in range(6):
            assert told(await founder.login(person.email)) == (401, "second_factor_required")
        for _ in range(5):
            assert told(await founder.login(person.email, totp="000000")) == (401, "wrong_credentials")
        for rest in ({"totp": code(secret, steps=1)}, {}):
            assert told(await founder.login(person.email, **rest)) == (429, "too_many_failures")

    @pytest.mark.parametrize("rest", [{"totp": "12345"}, {"totp": "12345\n"}, {"totp": 123456}, {"recovery_code": "x"}])
    async def test_refuses_what_is_no_code(self, founder: Founder, owner: Person, rest: dict[str, Any]) -> None:
        assert (await founder.login(owner.email, **rest)).status_code == 422


class TestStepUp:
    async def test_asks_for_the_second_factor_and_renews_the_sign_in(self, founder: Founder) -> None:
        person = await founder.found()
        secret, recovery_codes = await set_up(person)
        body = {"password": "correct horse battery"}
        assert told(await person.client.post(STEP_UP, json=body)) == (401, "second_factor_required")
        assert told(await person.client.post(STEP_UP, json={**body, "password": "wrong"})) == (401, "wrong_credentials")
        answer = await person.client.post(STEP_UP, json={**body, "totp": code(secret, steps=1)})
        assert (answer.status_code, answer.json()["expires_in"]) == (200, 600)
        assert (await founder.client(answer.json()).post(f"{FACTOR}/recovery-codes")).status_code == 200
        assert (await founder.login(person.email, recovery_code=recovery_codes[0])).status_code == 401


class TestRemove:
    async def test_goes_back_to_the_password_and_tells(self, founder: Founder) -> None:
        person = await founder.found()
        _, recovery_codes = await set_up(person)
        assert (await person.client.post(f"{FACTOR}/remove")).status_code == 204
        assert told(await person.client.post(f"{FACTOR}/remove")) == (409, "second_factor_off")
        assert told(await person.client.post(f"{FACTOR}/recovery-codes")) == (409, "second_factor_off")
        assert (await founder.login(person.email)).status_code == 200
        assert "ausgeschaltet" in (await founder.mailbox.wait_for(person.email, count=3))["subject"]
        assert (await founder.login(person.email, recovery_code=recovery_codes[0])).status_code == 200


class TestCodes:
    # RFC 6238, appendix B: SHA-1, the last six of eight digits.
    @pytest.mark.parametrize(
        ("seconds", "shown"),
        [(1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037")],
    )
    def test_are_those_of_the_standard(self, seconds: int, shown: str) -> None:
        secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        at = datetime.fromtimestamp(seconds, UTC)
        assert codes.step_of(secret, shown, at) == seconds // 30
        for off, found in ((30, True), (-30, True), (90, False), (31 * 30, False)):
            later = datetime.fromtimestamp(seconds + off, UTC)
            assert (codes.step_of(secret, shown, later) is not None) == found
