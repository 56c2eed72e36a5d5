"""Idempotency-Key: one effect for however many requests, and one answer."""

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from sent_leads import LEADS, new_lead

from carbot_core.web.edge import Edge
from carbot_testing.child import Child
from carbot_testing.issuer import Issuer
from carbot_testing.plugin import Connect
from carbot_testing.running import Place, client
from carbot_testing.world import Organization, World

GROUPS = 200
RANDOM = random.SystemRandom()


async def post_until_done(client: httpx.AsyncClient, body: dict[str, Any], key: str) -> httpx.Response:
    """Repeat a request as a client would, while another with its key is being worked on or the service is not there."""
    async with asyncio.timeout(15):
        while True:
            answer = await client.post(LEADS, json=body, headers={"idempotency-key": key})
            if answer.status_code not in {409, 503}:
                return answer
            assert answer.headers["retry-after"] == "1"
            await asyncio.sleep(0.02)


async def effects(superuser: asyncpg.Connection, organization: Organization) -> Counter[str]:
    """Count the leads of an organisation by the address that tells them apart."""
    rows = await superuser.fetch("SELECT email FROM crm.leads WHERE organization_id = $1", organization.id)
    return Counter(row["email"] for row in rows)


class TestDuplicates:
    async def test_have_one_effect_and_one_answer(
        self, world: World, connect: Connect, superuser: asyncpg.Connection
    ) -> None:
        organization = await world.organization()
        owner = connect("crm", organization)
        few = asyncio.Semaphore(8)
        in_use = 0

        async def send_group(size: int) -> None:
            nonlocal in_use
            body, key = new_lead(organization), {"idempotency-key": str(uuid4())}
            async with few:
                answers = await asyncio.gather(*(owner.post(LEADS, json=body, headers=key) for _ in range(size)))
                replayed = await post_until_done(owner, body, key["idempotency-key"])
            done = [answer for answer in answers if answer.status_code == 201]
            refused = [answer for answer in answers if answer.status_code != 201]
            assert done
            assert {answer.content for answer in (*done, replayed)} == {done[0].content}
            assert {answer.headers["etag"] for answer in (*done, replayed)} == {'"1"'}
            assert {answer.json()["code"] for answer in refused} <= {"idempotency_key_in_use"}
            assert {answer.headers["retry-after"] for answer in refused} <= {"1"}
            assert sum("idempotent-replayed" not in answer.headers for answer in done) == 1
            assert replayed.headers["idempotent-replayed"] == "true"
            in_use += len(refused)

        await asyncio.gather(*(send_group(RANDOM.randint(2, 6)) for _ in range(GROUPS)))
        counted = await effects(superuser, organization)
        assert len(counted) == GROUPS
        assert set(counted.values()) == {1}
        assert in_use > 0, "no request met another at work: the run proves nothing"

    async def test_after_an_answer_that_was_lost_get_that_answer(
        self, edges: dict[str, Edge], organization: Organization, issuer: Issuer, superuser: asyncpg.Connection
    ) -> None:
        class Lost(Exception):
            pass

        async def lossy(scope: Any, receive: Any, send: Any) -> None:
            async def lose(message: Any) -> None:
                sent.append(message)
                raise Lost

            await edges["crm"](scope, receive, lose)

        sent: list[Any] = []
        body, key = new_lead(organization), {"idempotency-key": str(uuid4())}
        headers = {"authorization": f"Bearer {issuer.token(organization.id)}"}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(lossy), base_url="http://crm", headers=headers
        ) as unlucky:
            with pytest.raises(Lost):
                await unlucky.post(LEADS, json=body, headers=key)
        assert sent[0]["status"] == 201
        async with client(edges["crm"], "crm", **headers) as clean:
            again = await clean.post(LEADS, json=body, headers=key)
        assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
        assert (await effects(superuser, organization))[body["email"]] == 1

    async def test_across_killed_processes_have_one_effect(
        self,
        place: Place,
        world: World,
        connect: Connect,
        issuer: Issuer,
        superuser: asyncpg.Connection,
    ) -> None:
        organization = await world.organization()
        user = organization.member("owner").user_id
        requests = {str(uuid4()): new_lead(organization) for _ in range(150)}
        answered: dict[str, bytes] = {}
        lost = 0

        async def load_and_kill(child: Child, keys: Iterator[str]) -> None:
            left = RANDOM.randint(3, 25)

            async def send_on(client: httpx.AsyncClient) -> None:
                nonlocal left, lost
                for key in keys:
                    try:
                        answer = await client.post(LEADS, json=requests[key], headers={"idempotency-key": key})
                    except httpx.TransportError:
                        lost += 1
                        return
                    assert answer.status_code == 201, answer.text
                    answered[key] = answer.content
                    left -= 1
                    if left == 0:
                        child.signal("KILL")

            async with child.client(authorization=f"Bearer {issuer.token(organization.id, user_id=user)}") as caller:
                await asyncio.gather(*(send_on(caller) for _ in range(8)))

        async with AsyncExitStack() as stack:
            children = [await stack.enter_async_context(Child.open(place, "crm")) for _ in range(3)]
            await asyncio.gather(*(child.until_ready() for child in children))
            keys = list(requests)
            await asyncio.gather(*(load_and_kill(child, iter(keys[n::3])) for n, child in enumerate(children)))

        assert lost > 3, "no process was killed at work: the run proves nothing"
        owner = connect("crm", organization)
        few = asyncio.Semaphore(8)

        async def retry(key: str) -> None:
            async with few:
                again = await post_until_done(owner, requests[key], key)
            assert again.status_code == 201
            assert answered.get(key, again.content) == again.content

        await asyncio.gather(*(retry(key) for key in requests))
        counted = await effects(superuser, organization)
        assert counted == Counter(body["email"] for body in requests.values())


class TestKey:
    async def test_of_another_body_or_path_is_refused(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        body, key = new_lead(organization), {"idempotency-key": str(uuid4())}
        lead = (await owner.post(LEADS, json=body, headers=key)).json()
        for path, other in (
            (LEADS, {**body, "name": "Jürgen"}),
            (f"{LEADS}/{lead['id']}/contact", {}),
        ):
            answer = await owner.post(path, json=other, headers=key)
            assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")

    async def test_belongs_to_its_organisation_and_its_user(
        self, world: World, connect: Connect, organization: Organization
    ) -> None:
        foreign = await world.organization()
        clients = (
            (organization, connect("crm", organization)),
            (organization, connect("crm", organization, organization.member("admin"))),
            (foreign, connect("crm", foreign)),
        )
        key = {"idempotency-key": str(uuid4())}
        ids = set[str]()
        for whose, caller in clients:
            answer = await caller.post(LEADS, json=new_lead(whose), headers=key)
            assert answer.status_code == 201
            assert "idempotent-replayed" not in answer.headers
            ids.add(answer.json()["id"])
        assert len(ids) == 3

    async def test_of_a_user_of_two_organisations_belongs_to_each(
        self, world: World, connect: Connect, issuer: Issuer
    ) -> None:
        user, key, ids = uuid4(), {"idempotency-key": str(uuid4())}, set[str]()
        for organization in (await world.organization(), await world.organization()):
            token = issuer.token(organization.id, user_id=user)
            headers = {**key, "authorization": f"Bearer {token}"}
            answer = await connect("crm").post(LEADS, json=new_lead(organization), headers=headers)
            assert answer.status_code == 201
            ids.add(answer.json()["id"])
        assert len(ids) == 2

    async def test_and_answer_are_not_readable_in_the_table(
        self, owner: httpx.AsyncClient, organization: Organization, superuser: asyncpg.Connection
    ) -> None:
        key, canary = f"key-{uuid4()}", f"Kanarienvogel {uuid4()}"
        await owner.post(LEADS, json=new_lead(organization, name=canary), headers={"idempotency-key": key})
        row = await superuser.fetchrow(
            "SELECT * FROM crm.idempotency_keys WHERE key_hash = $1", hashlib.sha256(key.encode()).digest()
        )
        assert row is not None
        stored = b"|".join(value if isinstance(value, bytes) else str(value).encode() for value in row.values())
        for part in (key.encode(), canary.encode(), canary[-12:].encode(), b'"revision"'):
            assert part not in stored

    @pytest.mark.parametrize("key", [b"", b'""', b"a b", b"\t", "schlüssel".encode(), b"a" * 256, b"\x7f", b"a\x1f"])
    async def test_that_is_malformed_is_refused(
        self, owner: httpx.AsyncClient, organization: Organization, key: bytes
    ) -> None:
        answer = await owner.post(LEADS, json=new_lead(organization), headers=[(b"idempotency-key", key)])
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_malformed")

    async def test_in_quotes_is_the_same_key(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        body, key = new_lead(organization), "k" * 255
        first = await owner.post(LEADS, json=body, headers={"idempotency-key": key})
        second = await owner.post(LEADS, json=body, headers={"idempotency-key": f'"{key}"'})
        assert (second.headers["idempotent-replayed"], second.content) == ("true", first.content)

    async def test_of_a_refused_request_may_be_used_again(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        key = {"idempotency-key": str(uuid4())}
        refused = await owner.post(LEADS, json=new_lead(organization, workshop_id=str(uuid4())), headers=key)
        assert refused.status_code == 404
        body = new_lead(organization)
        assert (await owner.post(LEADS, json={**body, "unknown": 1}, headers=key)).status_code == 422
        taken = await owner.post(LEADS, json=body, headers=key)
        assert (taken.status_code, "idempotent-replayed" in taken.headers) == (201, False)


class TestReplay:
    async def test_is_the_first_answer_to_the_letter(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        body, key = new_lead(organization), {"idempotency-key": str(uuid4())}
        first = await owner.post(LEADS, json=body, headers=key)
        lead_id, tag = first.json()["id"], first.headers["etag"]
        changed = await owner.patch(f"{LEADS}/{lead_id}", json={"priority": 1}, headers={"if-match": tag})
        assert changed.status_code == 200
        again = await owner.post(LEADS, json=body, headers=key)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        own = {"x-request-id", "carbot-consistency", "idempotent-replayed"}
        names = [name for name, _ in again.headers.multi_items()]
        assert len(names) == len(set(names))
        assert {n: v for n, v in again.headers.items() if n not in own} == {
            n: v for n, v in first.headers.items() if n not in own
        }
        assert again.headers["x-request-id"] != first.headers["x-request-id"]

    async def test_is_not_for_a_token_without_the_scope(
        self, owner: httpx.AsyncClient, organization: Organization, issuer: Issuer, edges: dict[str, Edge]
    ) -> None:
        user = organization.member("owner").user_id
        body, key = new_lead(organization), {"idempotency-key": str(uuid4())}
        assert (await owner.post(LEADS, json=body, headers=key)).status_code == 201
        token = issuer.token(organization.id, "viewer", user_id=user)
        answer = await owner.post(LEADS, json=body, headers={**key, "authorization": f"Bearer {token}"})
        assert answer.status_code == 403
