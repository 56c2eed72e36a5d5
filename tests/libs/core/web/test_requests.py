"""Requests that are not what they should be: each is answered by a problem document, none is a fault."""

import gc
import json
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from probe_routes import PROBES
from sent_leads import LEADS, new_lead

from carbot_core.web.edge import Edge
from carbot_core.web.exchange import Exchange
from carbot_testing.running import client
from carbot_testing.world import Organization, World

JSON = {"content-type": "application/json"}
HUGE = 2**63
NOWHERE = "01a2058c-5fdf-70b1-b58d-e1df60aa32a5"


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check the form of RFC 9457 and what CarBot adds; return the document."""
    assert answer.status_code == status, answer.text
    assert answer.headers.get_list("content-type") == ["application/problem+json"]
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"urn:carbot:problem:{code}"
    assert (problem["code"], problem["status"]) == (code, status)
    assert len(problem["trace_id"]) == 32
    assert problem["title"]
    assert UUID(answer.headers["x-request-id"])
    return problem


def raw(organization: Organization, **members: str) -> bytes:
    """Return the JSON of a lead with members written as they stand."""
    lead = {name: json.dumps(value) for name, value in new_lead(organization).items()} | members
    return ("{" + ",".join(f'"{name}":{value}' for name, value in lead.items()) + "}").encode()


class TestBody:
    async def test_larger_than_a_mebibyte_is_413(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        body = raw(organization, request=json.dumps("a" * 1024 * 1024))
        assert_problem(await owner.post(LEADS, content=body, headers=JSON), 413, "body_too_large")

        async def pieces() -> AsyncGenerator[bytes]:
            for start in range(0, len(body), 65536):
                yield body[start : start + 65536]

        assert_problem(await owner.post(LEADS, content=pieces(), headers=JSON), 413, "body_too_large")

    async def test_of_an_ended_request_is_not_kept_until_garbage_is_collected(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        gc.collect()
        gc.disable()
        try:
            for body, status in ((raw(organization), 201), (b"[]", 422), (b"{", 400)):
                assert (await owner.post(LEADS, content=body, headers=JSON)).status_code == status
            kept = [each for each in gc.get_objects() if isinstance(each, Exchange)]
        finally:
            gc.enable()
        assert kept == []

    @pytest.mark.parametrize(
        "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "", "json", "*/*"]
    )
    async def test_of_another_type_is_415(
        self, owner: httpx.AsyncClient, organization: Organization, content_type: str
    ) -> None:
        answer = await owner.post(LEADS, content=raw(organization), headers={"content-type": content_type})
        assert_problem(answer, 415, "unsupported_media_type")

    async def test_without_a_type_is_415(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        assert_problem(await owner.post(LEADS, content=raw(organization)), 415, "unsupported_media_type")

    @pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
    async def test_of_json_under_another_name_is_taken(
        self, owner: httpx.AsyncClient, organization: Organization, content_type: str
    ) -> None:
        answer = await owner.post(LEADS, content=raw(organization), headers={"content-type": content_type})
        assert answer.status_code == 201

    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"nonsense",
            b'{"a":1}}',
            b"\xff\xfe{}",
            b'{"name":"\xff"}',
            b'{"name":"\\ud800"}',
            b'{"\\ud800":1}',
            b"{'a':1}",
            b"\x00",
            b"[" * 10_000,
            b"[" * 10_000 + b"]" * 10_000,
            b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
            b'{"name":{"a":' * 5_000,
            json.dumps({"a": 1}).encode("utf-16"),
            b'\xef\xbb\xbf{"name":"a"}',
            b'{"name":NaN}',
        ],
        ids=lambda body: repr(body[:12]) + str(len(body)),
    )
    async def test_that_is_no_json_is_refused(self, owner: httpx.AsyncClient, body: bytes) -> None:
        answer = await owner.post(LEADS, content=body, headers=JSON)
        assert answer.status_code in {400, 422}
        assert_problem(answer, answer.status_code, "malformed_body" if answer.status_code == 400 else "invalid_body")

    async def test_that_is_too_deep_is_refused_where_anything_is_taken(self, member: httpx.AsyncClient) -> None:
        assert (await member.post(f"{PROBES}/anything", content=b'{"a":[1]}', headers=JSON)).status_code == 201
        deep = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
        assert_problem(await member.post(f"{PROBES}/anything", content=deep, headers=JSON), 400, "malformed_body")

    async def test_that_is_empty_is_422(self, owner: httpx.AsyncClient) -> None:
        assert_problem(await owner.post(LEADS, content=b"", headers=JSON), 422, "invalid_request")

    @pytest.mark.parametrize(
        ("members", "pointer"),
        [
            ({"color": "1"}, "/color"),
            ({"a/b~c": "1"}, "/a~1b~0c"),
            ({"\\u0000": "1"}, "/\x00"),
            ({"name": '"a\\u0000b"'}, "/name"),
            ({"name": '"\\u001b[31m"'}, "/name"),
            ({"name": '"   "'}, "/name"),
            ({"name": '""'}, "/name"),
            ({"name": json.dumps("a" * 201)}, "/name"),
            ({"name": '"a\\n"'}, "/name"),
            ({"name": "5"}, "/name"),
            ({"name": "null"}, "/name"),
            ({"name": "[]"}, "/name"),
            ({"request": '"a\\u0000"'}, "/request"),
            ({"request": json.dumps("ä" * 4001)}, "/request"),
            ({"workshop_id": '"x"'}, "/workshop_id"),
            ({"workshop_id": "1"}, "/workshop_id"),
            ({"source": '"carrier_pigeon"'}, "/source"),
            ({"email": '"a@@b"'}, "/email"),
            ({"email": '"a@b\\n"'}, "/email"),
            ({"phone": '"0123; DROP TABLE"'}, "/phone"),
            ({"phone": '"+++"'}, "/phone"),
            ({"language": '"xx"'}, "/language"),
        ],
        ids=str,
    )
    async def test_with_a_bad_field_names_it(
        self, owner: httpx.AsyncClient, organization: Organization, members: dict[str, str], pointer: str
    ) -> None:
        answer = await owner.post(LEADS, content=raw(organization, **members), headers=JSON)
        assert answer.status_code == 422
        problem = assert_problem(answer, 422, answer.json()["code"])
        assert [error["pointer"] for error in problem["errors"]] == [pointer]
        assert all(error["message"] for error in problem["errors"])

    async def test_with_a_field_left_out_names_it(self, owner: httpx.AsyncClient) -> None:
        problem = assert_problem(await owner.post(LEADS, json={"source": "phone"}), 422, "invalid_body")
        assert problem["errors"][0]["pointer"] == "/workshop_id"

    @pytest.mark.parametrize(
        "change",
        [
            f'{{"priority":{HUGE}}}',
            f'{{"priority":{-HUGE}}}',
            f'{{"priority":{"9" * 5000}}}',
            '{"priority":1e400}',
            '{"priority":1.5}',
            '{"priority":true}',
            '{"priority":"5"}',
            '{"priority":-1}',
            f'{{"estimated_value":{HUGE}}}',
            f'{{"estimated_value":{HUGE - 1}}}',
            '{"estimated_value":1e400}',
            '{"next_follow_up_at":"2026-07-01T10:00:00"}',
            '{"next_follow_up_at":"2026-07-01"}',
            '{"next_follow_up_at":"2026-02-30T10:00:00Z"}',
            '{"next_follow_up_at":1700000000}',
            '{"next_follow_up_at":"9999-12-31T23:59:59-12:00"}',
            '{"next_follow_up_at":"0001-01-01T00:00:00+14:00"}',
            '{"next_follow_up_at":"infinity"}',
            '{"name":null}',
        ],
        ids=lambda change: change[:60],
    )
    async def test_that_changes_a_field_to_what_it_cannot_be_is_422(
        self, owner: httpx.AsyncClient, organization: Organization, change: str
    ) -> None:
        lead = (await owner.post(LEADS, json=new_lead(organization))).json()
        answer = await owner.patch(
            f"{LEADS}/{lead['id']}", content=change.encode(), headers={**JSON, "if-match": '"1"'}
        )
        assert_problem(answer, 422, answer.json()["code"])
        assert (await owner.get(f"{LEADS}/{lead['id']}")).json() == lead

    async def test_with_a_repeated_member_is_422(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        body = raw(organization)[:-1] + b',"name":"Zweiter"}'
        answer = await owner.post(LEADS, content=body, headers=JSON)
        assert_problem(answer, 422, "invalid_body")


class TestAddress:
    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "/", 404, "not_found"),
            ("GET", "/api/crm/v1/nothing", 404, "not_found"),
            ("GET", "/api/crm/v1/leads/a/b/c", 404, "not_found"),
            ("GET", "/%00", 404, "not_found"),
            ("GET", "/api/crm/v1/%2e%2e/%2e%2e/etc/passwd", 404, "not_found"),
            ("PUT", LEADS, 405, "method_not_allowed"),
            ("PUT", f"{LEADS}/{NOWHERE}", 405, "method_not_allowed"),
            ("GET", f"{LEADS}/not-a-uuid", 422, "invalid_request"),
            ("GET", f"{LEADS}/%00", 422, "invalid_request"),
            ("GET", f"{LEADS}/%ff", 422, "invalid_request"),
            ("GET", f"{LEADS}?limit=0", 422, "invalid_request"),
            ("GET", f"{LEADS}?limit=201", 422, "invalid_request"),
            ("GET", f"{LEADS}?limit={HUGE}", 422, "invalid_request"),
            ("GET", f"{LEADS}?limit=1e400", 422, "invalid_request"),
            ("GET", f"{LEADS}?limit=x", 422, "invalid_request"),
            ("GET", f"{LEADS}?status=x", 422, "invalid_request"),
            ("GET", f"{LEADS}?workshop_id=x", 422, "invalid_request"),
            ("GET", f"{LEADS}?cursor=%00", 422, "invalid_query"),
            ("GET", f"{LEADS}?cursor={'a' * 401}", 422, "invalid_request"),
            ("GET", f"{LEADS}?limit=1&limit=2", 422, "invalid_query"),
            ("GET", f"{LEADS}?nobody=knows", 422, "invalid_query"),
            ("GET", f"{LEADS}?cursor=%FF", 422, "invalid_query"),
            ("GET", f"{LEADS}/{NOWHERE}", 404, "lead_not_found"),
        ],
    )
    async def test_that_is_wrong_is_a_problem(
        self, owner: httpx.AsyncClient, method: str, path: str, status: int, code: str
    ) -> None:
        answer = await owner.request(method, path)
        problem = assert_problem(answer, status, code)
        assert "passwd" not in answer.text
        if status == 405:
            assert answer.headers["allow"]
        if code == "invalid_request":
            assert problem["errors"]

    async def test_of_a_health_probe_answers_without_a_token(self, edges: dict[str, Edge]) -> None:
        async with client(edges["crm"], "crm") as nobody:
            assert (await nobody.get("/health/live")).json() == {"status": "live"}
            assert (await nobody.get("/health/other")).status_code == 404


class TestHost:
    @pytest.mark.parametrize("host", [b"crm:port", b"crm:99999", b"[::1", b"\xff"])
    async def test_that_is_none_is_400(self, owner: httpx.AsyncClient, host: bytes) -> None:
        answer = await owner.get(LEADS, params={"limit": "x"}, headers=[(b"host", host)])
        assert_problem(answer, 400, "malformed_host")

    @pytest.mark.parametrize("host", ["crm", "crm:8000", "[::1]:8000", "10.0.0.7"])
    async def test_that_is_one_is_taken(self, owner: httpx.AsyncClient, host: str) -> None:
        assert (await owner.get(LEADS, headers={"host": host})).status_code == 200


class TestRequestId:
    @pytest.mark.parametrize(
        "given",
        [
            "",
            "1",
            "'; DROP TABLE crm.leads; --",
            "{01234567-89ab-cdef-0123-456789abcdef}",
            "urn:uuid:01234567-89ab-cdef-0123-456789abcdef",
            "0123456789abcdef0123456789abcdef",
            "01234567-89ab-cdef-0123-456789abcdef\t",
            "01234567-89ab-cdef-0123-456789abcdeg",
            "٠1234567-89ab-cdef-0123-456789abcdef",
            "a" * 5000,
        ],
    )
    async def test_that_is_no_uuid_is_replaced(self, owner: httpx.AsyncClient, given: str) -> None:
        answer = await owner.get(LEADS, headers=[(b"x-request-id", given.encode())])
        assert answer.status_code == 200
        assert answer.headers["x-request-id"] != given
        assert UUID(answer.headers["x-request-id"]).version == 7

    async def test_that_is_a_uuid_is_taken_over_to_the_audit(
        self, owner: httpx.AsyncClient, organization: Organization, superuser: asyncpg.Connection
    ) -> None:
        given = str(uuid4())
        answer = await owner.post(LEADS, json=new_lead(organization), headers={"x-request-id": given.upper()})
        assert answer.headers["x-request-id"] == given
        rows = await superuser.fetch(
            "SELECT body FROM crm.audit_outbox WHERE organization_id = $1 ORDER BY pos DESC LIMIT 2", organization.id
        )
        user = str(organization.member("owner").user_id)
        for row in rows:
            body = json.loads(row["body"])
            assert (body["request_id"], body["user_id"], body["actor"]) == (given, user, f"user:{user}")

    async def test_of_every_refusal_is_answered(self, edges: dict[str, Edge]) -> None:
        given = str(uuid4())
        async with client(edges["crm"], "crm") as nobody:
            for path in (LEADS, "/nothing"):
                assert (await nobody.get(path, headers={"x-request-id": given})).headers["x-request-id"] == given


class TestEveryAnswer:
    async def test_may_not_be_stored_by_others(self, owner: httpx.AsyncClient) -> None:
        for path in (LEADS, f"{LEADS}/{uuid4()}", "/nothing", "/health/live"):
            assert (await owner.get(path)).headers.get_list("cache-control") == ["no-store"]

    async def test_to_a_spoofed_identity_ignores_it(
        self, owner: httpx.AsyncClient, organization: Organization, world: World
    ) -> None:
        foreign = await world.organization()
        spoofed = {
            "x-carbot-organization": str(foreign.id),
            "x-carbot-user": str(uuid4()),
            "x-forwarded-user": "root",
            "x-org-id": str(foreign.id),
            "carbot-organization": str(foreign.id),
        }
        lead = (await owner.post(LEADS, json=new_lead(organization), headers=spoofed)).json()
        assert (await owner.get(f"{LEADS}/{lead['id']}", headers=spoofed)).status_code == 200
