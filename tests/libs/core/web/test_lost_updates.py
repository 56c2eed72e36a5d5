"""If-Match: nobody's change is lost without their hearing of it."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sent_leads import LEADS, new_lead

from carbot_core.web.edge import Edge
from carbot_testing.world import Organization

PAIRS = 100


async def make(owner: httpx.AsyncClient, organization: Organization) -> tuple[str, str]:
    """Make a lead; return its path and its entity tag."""
    answer = await owner.post(LEADS, json=new_lead(organization))
    return f"{LEADS}/{answer.json()['id']}", answer.headers["etag"]


class TestTwoAtOnce:
    async def test_one_wins_and_the_other_is_told(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        changes: tuple[dict[str, Any], ...] = ({"name": "Anna"}, {"priority": 77})
        few = asyncio.Semaphore(10)

        async def race() -> None:
            async with few:
                path, tag = await make(owner, organization)
                tags = {"if-match": tag}
                answers = await asyncio.gather(*(owner.patch(path, json=c, headers=tags) for c in changes))
                assert sorted(answer.status_code for answer in answers) == [200, 412]
                lost = next(n for n, answer in enumerate(answers) if answer.status_code == 412)
                read = await owner.get(path)
                assert read.headers["etag"] == answers[1 - lost].headers["etag"] == '"2"'
                again = await owner.patch(path, json=changes[lost], headers={"if-match": read.headers["etag"]})
                lead = again.json()
                assert (lead["name"], lead["priority"], again.headers["etag"]) == ("Anna", 77, '"3"')

        await asyncio.gather(*(race() for _ in range(PAIRS)))

    async def test_of_many_exactly_one_wins_each_round(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        path, tag = await make(owner, organization)
        for _ in range(5):
            tags = {"if-match": tag}
            answers = await asyncio.gather(*(owner.patch(path, json={"priority": n}, headers=tags) for n in range(6)))
            won = [answer for answer in answers if answer.status_code == 200]
            assert len(won) == 1
            tag = won[0].headers["etag"]
        assert tag == '"6"'


class TestTag:
    @pytest.mark.parametrize(
        ("tag", "status", "code"),
        [
            (None, 428, "precondition_required"),
            ('W/"1"', 412, "precondition_failed"),
            ("1", 412, "precondition_failed"),
            ("", 412, "precondition_failed"),
            ("garbage", 412, "precondition_failed"),
            ('"-1"', 412, "precondition_failed"),
            ('"2"', 412, "precondition_failed"),
            ('"1" ', 200, None),
            ('"99999999999999999999999"', 412, "precondition_failed"),
            ('"١"', 412, "precondition_failed"),
            ("'; DROP TABLE crm.leads; --", 412, "precondition_failed"),
            ('"1", "2"', 422, "invalid_entity_tag"),
            ('"1","1"', 422, "invalid_entity_tag"),
            ("*", 422, "invalid_entity_tag"),
        ],
    )
    async def test_is_judged(
        self, owner: httpx.AsyncClient, organization: Organization, tag: str | None, status: int, code: str | None
    ) -> None:
        path, _ = await make(owner, organization)
        headers = [] if tag is None else [(b"if-match", tag.encode())]
        answer = await owner.patch(path, json={"priority": 3}, headers=headers)
        assert (answer.status_code, answer.json().get("code")) == (status, code)
        assert (await owner.get(path)).json()["priority"] == (3 if status == 200 else 50)

    async def test_of_a_lead_that_is_not_there_is_404(self, owner: httpx.AsyncClient) -> None:
        answer = await owner.patch(f"{LEADS}/{uuid4()}", json={"priority": 3}, headers={"if-match": '"1"'})
        assert answer.status_code == 404

    async def test_is_optional_for_a_verb(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        path, tag = await make(owner, organization)
        for headers, status in (
            ({"if-match": '"9"'}, 412),
            ({"if-match": "garbage"}, 412),
            ({"if-match": "*"}, 422),
            ({"if-match": tag}, 200),
            ({"if-match": tag}, 412),
            ({}, 200),
        ):
            answer = await owner.post(f"{path}/contact", json={}, headers=headers)
            assert answer.status_code == status, headers
        assert answer.headers["etag"] == '"3"'

    async def test_that_is_refused_costs_no_connection(
        self, owner: httpx.AsyncClient, organization: Organization, edges: dict[str, Edge]
    ) -> None:
        path, _ = await make(owner, organization)
        pool = edges["crm"]._database.primary
        before = pool.get_size()
        assert pool.get_idle_size() == before
        for headers in ({}, {"if-match": "*"}) * 20:
            assert (await owner.patch(path, json={"priority": 3}, headers=headers)).status_code in {422, 428}
        assert (pool.get_size(), pool.get_idle_size()) == (before, before)
