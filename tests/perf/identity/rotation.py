"""Refresh tokens that several tabs show at once, and signing keys that rotate, while everybody works on."""

import asyncio
import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import httpx
import msgspec

from carbot_core.context import Context
from carbot_core.crypto import Vault
from carbot_core.db import Database
from carbot_tenancy.signing_keys import actions
from carbot_testing.running import KEY_ENCRYPTION_KEY, Place
from tests.perf.identity.people import PASSWORD, People

AUTH = "/api/tenancy/v1/auth"
TABS = 4
AHEAD = timedelta(seconds=90)
"""Longer than the gateway keeps a key set (60 s), and than the half minute in which a service asks at most once."""
EVERY_SECONDS = 10.0
SESSIONS = 8


class Races(msgspec.Struct, frozen=True):
    """Groups of refreshes with the same token; in how many of them not all got the same new one."""

    groups: int
    split: int
    refused: int


class Rotation(msgspec.Struct, frozen=True):
    """Requests while keys rotated, by status, and how many keys signed."""

    seconds: float
    keys: int
    statuses: Counter[int]


async def sign_in(client: httpx.AsyncClient, email: str) -> dict[str, Any]:
    answer = await client.post(f"{AUTH}/login", json={"email": email, "password": PASSWORD})
    tokens: dict[str, Any] = answer.raise_for_status().json()
    return tokens


async def race(urls: list[str], people: People, *, groups: int) -> Races:
    """Refresh each token over several processes at once, then go on with what came of it."""
    split = refused = 0
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
        sessions = [
            await client.post(f"{urls[0]}{AUTH}/login", json={"email": email, "password": PASSWORD})
            for email in people.emails[:SESSIONS]
        ]
        tokens = [answer.raise_for_status().json()["refresh_token"] for answer in sessions]
        targets = list(itertools.islice(itertools.cycle(urls), TABS))
        for number in range(groups):
            place = number % len(tokens)
            answers = await asyncio.gather(
                *(client.post(f"{url}{AUTH}/refresh", json={"refresh_token": tokens[place]}) for url in targets)
            )
            refused += sum(answer.status_code != 200 for answer in answers)
            successors = {answer.json().get("refresh_token") for answer in answers}
            split += len(successors) != 1
            tokens[place] = successors.pop() or tokens[place]
    return Races(groups, split, refused)


async def rotate(place: Place, url: str, people: People, *, seconds: float) -> Rotation:
    """Make a signing key every ten seconds, wait until the first of them signs, then work on for so long."""
    statuses, kids = Counter[int](), set[str]()
    vault = Vault.from_base64(KEY_ENCRYPTION_KEY)
    end = monotonic() + AHEAD.total_seconds() + seconds

    async def make_keys() -> None:
        async with Database.connect(place.plane.dsn(place.database, "tenancy_worker")) as database:
            while monotonic() < end:
                async with database.transaction(Context()) as tx:
                    await actions.rotate(tx, vault, datetime.now(UTC), force=True, ahead=AHEAD)
                await asyncio.sleep(EVERY_SECONDS)

    async def work(email: str) -> None:
        async with httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as client:
            tokens = await sign_in(client, email)
            while monotonic() < end:
                answer = await client.post(f"{AUTH}/refresh", json={"refresh_token": tokens["refresh_token"]})
                statuses[answer.status_code] += 1
                tokens = answer.json() if answer.status_code == 200 else tokens
                kids.add(tokens["access_token"].partition(".")[0])
                headers = {"authorization": f"Bearer {tokens['access_token']}"}
                for path in ("/api/tenancy/v1/organizations/current", "/api/crm/v1/leads?limit=1"):
                    statuses[(await client.get(path, headers=headers)).status_code] += 1
                await asyncio.sleep(0.25)

    await asyncio.gather(make_keys(), *(work(email) for email in people.emails[:SESSIONS]))
    return Rotation(seconds, len(kids), statuses)
