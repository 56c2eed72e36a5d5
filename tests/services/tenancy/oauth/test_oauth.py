"""Exchanging API keys for access tokens."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from carbot_core.auth.tokens import LIFETIME_SECONDS
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.web.edge import Edge
from carbot_testing.founding import TENANCY, Founder, Person
from carbot_testing.running import client

KEYS = f"{TENANCY}/api-keys"
TOKEN = f"{TENANCY}/oauth/token"
GRANT = {"grant_type": "client_credentials"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


async def make_key(owner: Person, **changes: Any) -> dict[str, Any]:
    body = {"kind": "secret", "name": "ERP", "scopes": ["crm.leads:read", "tenancy.workshops:read"], **changes}
    answer = await owner.client.post(KEYS, json=body)
    made: dict[str, Any] = answer.raise_for_status().json()
    return made


def claims_of(answer: httpx.Response) -> dict[str, Any]:
    part = answer.json()["access_token"].split(".")[1]
    claims: dict[str, Any] = msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class TestIssueToken:
    async def test_takes_the_key_in_the_header_or_in_the_form(self, founder: Founder, owner: Person) -> None:
        key = await make_key(owner)
        for form, auth in (
            ({}, ("", key["key"])),
            ({}, (key["id"], key["key"])),
            ({"client_id": key["id"]}, (key["id"], key["key"])),
            ({"client_secret": key["key"]}, None),
            ({"client_secret": key["key"], "client_id": key["id"]}, None),
            ({"client_secret": key["key"], "client_id": "", "scope": "", "audience": "unknown to us"}, None),
        ):
            answer = await founder.nobody.post(TOKEN, data=GRANT | form, auth=auth or httpx.USE_CLIENT_DEFAULT)
            assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), answer.text
            said = answer.json()
            assert (said["token_type"], said["expires_in"], said["scope"]) == (
                "Bearer",
                600,
                "crm.leads:read tenancy.workshops:read",
            )

    async def test_makes_a_token_of_the_keys_reach(
        self, founder: Founder, owner: Person, edges: dict[str, Edge]
    ) -> None:
        mine, other = await founder.workshop(owner), await founder.workshop(owner)
        for workshop, workshops, seen in ((mine, [mine], {mine}), (None, None, {mine, other})):
            key = await make_key(owner, workshop_id=workshop)
            answer = await founder.nobody.post(TOKEN, data=GRANT, auth=("", key["key"]))
            claims = claims_of(answer)
            assert {name: claims.get(name) for name in ("kind", "sub", "org", "workshops", "sid", "auth_time")} == {
                "kind": "api_key",
                "sub": key["id"],
                "org": str(owner.organization_id),
                "workshops": workshops,
                "sid": None,
                "auth_time": None,
            }
            assert claims["exp"] - claims["iat"] == pytest.approx(LIFETIME_SECONDS, abs=0.01)
            async with client(
                edges["tenancy"], "tenancy", authorization=f"Bearer {answer.json()['access_token']}"
            ) as machine:
                listed = (await machine.get(f"{TENANCY}/workshops")).json()["items"]
                assert {each["id"] for each in listed} & {mine, other} == seen
                assert (await machine.get(f"{TENANCY}/members")).json()["code"] == "scope_missing"

    async def test_never_outlives_the_key(self, founder: Founder, owner: Person) -> None:
        ends_at = datetime.now(UTC) + timedelta(seconds=90)
        key = await make_key(owner, expires_at=ends_at.isoformat())
        answer = await founder.nobody.post(TOKEN, data=GRANT, auth=("", key["key"]))
        assert claims_of(answer)["exp"] == pytest.approx(ends_at.timestamp(), abs=0.01)
        assert 80 < answer.json()["expires_in"] <= 90

    async def test_narrows_the_scopes_and_never_widens_them(self, founder: Founder, owner: Person) -> None:
        key = await make_key(owner)
        for scope, granted in (
            ("crm.leads:read", "crm.leads:read"),
            ("tenancy.workshops:read crm.leads:read", "crm.leads:read tenancy.workshops:read"),
            ("crm.leads:write", None),
            ("crm.leads:read crm.leads:write", None),
            ("everything", None),
            ("crm.leads:read  tenancy.workshops:read", None),
            (" ", None),
        ):
            answer = await founder.nobody.post(TOKEN, data={**GRANT, "scope": scope}, auth=("", key["key"]))
            if granted is None:
                assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
            else:
                assert answer.json()["scope"] == granted
                assert claims_of(answer)["scopes"] == granted.split()

    async def test_cannot_make_keys(self, founder: Founder, owner: Person) -> None:
        key = await make_key(owner, scopes=["tenancy.api_keys:read", "tenancy.api_keys:write"])
        machine = founder.client((await founder.nobody.post(TOKEN, data=GRANT, auth=("", key["key"]))).json())
        assert (await machine.get(KEYS)).status_code == 200
        body = {"kind": "secret", "name": "child"}
        for answer in (
            await machine.post(KEYS, json=body),
            await machine.post(f"{KEYS}/{key['id']}/rotate", json={}),
            await machine.post(f"{KEYS}/{key['id']}/revoke"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "people_only")

    async def test_refuses_every_key_that_does_not_count(
        self, founder: Founder, api_databases: dict[str, Database]
    ) -> None:
        owner = await founder.found()
        good, revoked, closed = await make_key(owner), await make_key(owner), await founder.found()
        await owner.client.post(f"{KEYS}/{revoked['id']}/revoke")
        expired = await make_key(owner)
        await owner.client.post(f"{KEYS}/{expired['id']}/rotate", json={"overlap_hours": 0})
        page = {"workshop_id": await founder.workshop(owner), "allowed_origins": ["https://a.example"], "scopes": None}
        publishable = await make_key(owner, kind="publishable", **page)
        late = await make_key(closed)
        async with api_databases["tenancy"].transaction(Context(organization_id=closed.organization_id)) as tx:
            await tx.execute("UPDATE tenancy.organizations SET status = 'closing', closing_since = now()")
        key, other = good["key"], closed.organization_id.hex
        bad = [
            ("", revoked["key"]),
            ("", expired["key"]),
            ("", publishable["key"]),
            ("", late["key"]),
            ("", key[:-1] + ("A" if key[-1] != "A" else "B")),
            ("", key.replace(owner.organization_id.hex, other)),
            ("", key.replace(UUID(good["id"]).hex, UUID(revoked["id"]).hex)),
            ("", key.replace("cb_live", "pk")),
            ("", key.upper()),
            ("", f"{key} "),
            ("", ""),
            (str(uuid4()), key),
            (revoked["id"], key),
            ("\x00", key),
        ]
        for user, secret in bad:
            answer = await founder.nobody.post(TOKEN, data=GRANT, headers=basic(user, secret))
            assert refused(answer) == (401, "invalid_client", "invalid_client"), (user, secret, answer.text)
            assert answer.headers["www-authenticate"] == 'Basic realm="carbot", charset="UTF-8"'
        assert (await founder.nobody.post(TOKEN, data=GRANT, headers=basic("", key))).status_code == 200

    async def test_answers_what_is_malformed_as_the_norm_says(self, founder: Founder, owner: Person) -> None:
        key = (await make_key(owner))["key"]
        header, nobody = basic("", key), founder.nobody
        for content, headers, expected in (
            (b"grant_type=client_credentials", {**header}, (400, "invalid_request")),
            (
                b"grant_type=client_credentials",
                {**header, "content-type": "application/json"},
                (400, "invalid_request"),
            ),
            (b'{"grant_type":"client_credentials"}', {**header, **FORM}, (400, "invalid_request")),
            (b"", {**header, **FORM}, (400, "invalid_request")),
            (b"grant_type=", {**header, **FORM}, (400, "invalid_request")),
            (b"grant_type=client_credentials&grant_type=client_credentials", header | FORM, (400, "invalid_request")),
            (b"grant_type=client_credentials&scope=a&scope=b", header | FORM, (400, "invalid_request")),
            (b"grant_type=client_credentials&scope=" + b"a" * 5000, header | FORM, (400, "invalid_request")),
            (b"grant_type=client_credentials&client_secret=x", header | FORM, (400, "invalid_request")),
            (b"grant_type=client_credentials&client_id=x", header | FORM, (400, "invalid_request")),
            (b"grant_type=password&username=a&password=b", header | FORM, (400, "unsupported_grant_type")),
            (b"grant_type=%ff%00", header | FORM, (400, "unsupported_grant_type")),
            (b"grant_type=client_credentials&scope=%zz", header | FORM, (400, "invalid_scope")),
            (b"grant_type=client_credentials", FORM, (401, "invalid_client")),
            (b"grant_type=client_credentials", FORM | {"authorization": f"Bearer {key}"}, (401, "invalid_client")),
            (b"grant_type=client_credentials", FORM | {"authorization": "Basic !"}, (401, "invalid_client")),
            (b"grant_type=client_credentials", FORM | {"authorization": "Basic /w=="}, (401, "invalid_client")),
            (b"grant_type=client_credentials", FORM | {"authorization": "Basic YQ=="}, (401, "invalid_client")),
            (b"grant_type=client_credentials", FORM | basic("", "a" * 5000), (401, "invalid_client")),
        ):
            answer = await nobody.post(TOKEN, content=content, headers=headers)
            status, error, _ = refused(answer)
            assert (status, error) == expected, (content, headers, answer.text)
        twice = [("authorization", header["authorization"])] * 2
        answer = await nobody.post(TOKEN, data=GRANT, headers=[*twice, *FORM.items()])
        assert refused(answer)[:2] == (401, "invalid_client")

    async def test_notes_the_minute_in_which_the_key_was_used_and_nothing_else(
        self, founder: Founder, owner: Person, api_databases: dict[str, Database]
    ) -> None:
        key = await make_key(owner)
        before = datetime.now(UTC).replace(second=0, microsecond=0)
        versions: set[str | None] = set()
        for _ in range(3):
            await founder.nobody.post(TOKEN, data=GRANT, auth=("", key["key"]))
            async with api_databases["tenancy"].transaction(Context(organization_id=owner.organization_id)) as tx:
                versions.add(
                    await tx.value(str, "SELECT xmin::text FROM tenancy.api_keys WHERE id = $1", UUID(key["id"]))
                )
        read = (await owner.client.get(f"{KEYS}/{key['id']}")).json()
        used_at = datetime.fromisoformat(read["last_used_at"])
        assert used_at in {before, before + timedelta(minutes=1)}
        assert read["revision"] == 1
        assert len(versions) == 1 or used_at > before


class TestRevokedKey:
    async def test_ends_its_tokens_in_every_service(
        self, founder: Founder, edges: dict[str, Edge], eventually: Callable[..., Any]
    ) -> None:
        owner = await founder.found()
        for ending, body in (("revoke", None), ("rotate", {"overlap_hours": 0})):
            key = await make_key(owner)
            token = (await founder.nobody.post(TOKEN, data=GRANT, auth=("", key["key"]))).json()["access_token"]
            for service, path in (("tenancy", f"{TENANCY}/workshops"), ("crm", "/api/crm/v1/leads")):
                async with client(edges[service], service, authorization=f"Bearer {token}") as machine:
                    assert (await machine.get(path)).status_code == 200
            (await owner.client.post(f"{KEYS}/{key['id']}/{ending}", json=body)).raise_for_status()
            for service, path in (("tenancy", f"{TENANCY}/workshops"), ("crm", "/api/crm/v1/leads")):
                async with client(edges[service], service, authorization=f"Bearer {token}") as machine:

                    async def is_refused(machine: httpx.AsyncClient = machine, path: str = path) -> bool:
                        return (await machine.get(path)).status_code == 401

                    await eventually(is_refused, within=3)


def refused(answer: httpx.Response) -> tuple[int, str, str]:
    """Return status, error and code of a refusal, which must be a problem document that nobody keeps."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    said = answer.json()
    return answer.status_code, said["error"], said["code"]
