"""API keys."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.ids import new_id
from carbot_core.web.edge import Edge
from carbot_tenancy.api_keys.origins import normalize_origin
from carbot_testing.founding import TENANCY, Founder, Person
from carbot_testing.issuer import Issuer
from carbot_testing.running import client

KEYS = f"{TENANCY}/api-keys"


SELECT_EXPIRY = "SELECT expires_at FROM crm.publishable_keys WHERE id = $1"


def secret_key(**changes: Any) -> dict[str, Any]:
    return {"kind": "secret", "name": "ERP", "scopes": ["crm.leads:read"], **changes}


def is_about(instant: str, from_now: timedelta) -> bool:
    """Tell whether it is so far from now, give or take the time that a test takes."""
    return abs(datetime.fromisoformat(instant) - datetime.now(UTC) - from_now) < timedelta(minutes=1)


def publishable(workshop_id: str | None, **changes: Any) -> dict[str, Any]:
    origins = ["https://mueller.example"]
    return {"kind": "publishable", "name": "Website", "workshop_id": workshop_id, "allowed_origins": origins, **changes}


class TestCreateApiKey:
    async def test_shows_the_secret_once(self, founder: Founder, owner: Person) -> None:
        workshop = await founder.workshop(owner)
        answer = await owner.client.post(KEYS, json=publishable(workshop), headers={"idempotency-key": "one"})
        key = answer.json()["key"]
        assert (answer.status_code, key[:3]) == (201, "pk_")
        listed = await owner.client.get(KEYS)
        assert key not in listed.text
        assert key.rpartition("_")[2] not in listed.text
        again = await owner.client.post(KEYS, json=publishable(workshop), headers={"idempotency-key": "one"})
        assert again.json()["key"] == key

    async def test_needs_a_workshop_that_one_sees(self, founder: Founder) -> None:
        owner = await founder.found()
        mine, other = await founder.workshop(owner), await founder.workshop(owner)
        admin = await founder.join(owner, "admin", [mine])
        foreign = await founder.workshop(await founder.found())
        for person, workshop, status in (
            (owner, None, 422),
            (owner, foreign, 404),
            (admin, other, 404),
            (admin, mine, 201),
        ):
            assert (await person.client.post(KEYS, json=publishable(workshop))).status_code == status
        secret = {"kind": "secret", "name": "ERP", "scopes": ["crm.leads:read"]}
        assert (await admin.client.post(KEYS, json=secret)).status_code == 403

    async def test_gives_a_secret_key_no_more_than_one_has(self, founder: Founder, owner: Person) -> None:
        admin = await founder.join(owner, "admin")
        for person, changes, status in (
            (owner, {"scopes": ["crm.leads:read"]}, 201),
            (owner, {}, 201),
            (owner, {"scopes": ["everything"]}, 422),
            (owner, {"scopes": ["tenancy.session:own"]}, 422),
            (owner, {"expires_at": "2020-01-01T00:00:00Z"}, 422),
            (owner, {"allowed_origins": ["https://a.example"]}, 422),
            (admin, {"scopes": ["tenancy.organization:close"]}, 403),
        ):
            body = {"kind": "secret", "name": "ERP", **changes}
            assert (await person.client.post(KEYS, json=body)).status_code == status


class TestReadApiKey:
    async def test_shows_no_secret(self, founder: Founder, owner: Person) -> None:
        made = (await owner.client.post(KEYS, json=publishable(await founder.workshop(owner)))).json()
        read = await owner.client.get(f"{KEYS}/{made['id']}")
        secret = made.pop("key")
        assert (read.status_code, read.headers["etag"]) == (200, '"1"')
        assert {**read.json(), "last_used_at": 0, "revoked_at": 0} == {**made, "last_used_at": 0, "revoked_at": 0}
        assert secret.rpartition("_")[2] not in read.text
        assert (await (await founder.found()).client.get(f"{KEYS}/{made['id']}")).status_code == 404


class TestRotateApiKey:
    async def test_makes_a_successor_of_the_same_reach(self, founder: Founder, owner: Person) -> None:
        workshop = await founder.workshop(owner)
        secret = {"kind": "secret", "name": "ERP", "scopes": ["crm.leads:read"], "workshop_id": workshop}
        for body, prefix in ((secret, "cb_live"), (publishable(workshop), "pk")):
            old = (await owner.client.post(KEYS, json=body)).json()
            answer = await owner.client.post(f"{KEYS}/{old['id']}/rotate", json={})
            new = answer.json()
            assert (answer.status_code, new["key"].startswith(f"{prefix}_")) == (201, True)
            for name in ("kind", "name", "workshop_id", "scopes", "allowed_origins"):
                assert new[name] == old[name], name
            assert (new["rotated_from"], new["expires_at"], new["revision"]) == (old["id"], None, 1)
            assert (new["id"] != old["id"], new["key"] != old["key"]) == (True, True)
            ended = (await owner.client.get(f"{KEYS}/{old['id']}")).json()
            assert (ended["revision"], ended["revoked_at"]) == (2, None)
            assert is_about(ended["expires_at"], timedelta(hours=24))

    async def test_lets_the_old_key_go_on_as_long_as_asked_and_never_longer_than_it_would(self, owner: Person) -> None:
        soon = datetime.now(UTC) + timedelta(hours=1)
        late = datetime.now(UTC) + timedelta(hours=100)
        for expiry, overlap, left in (
            (None, 168, timedelta(hours=168)),
            (None, 0, timedelta(0)),
            (late, 2, timedelta(hours=2)),
            (soon, 2, timedelta(hours=1)),
        ):
            old = (await owner.client.post(KEYS, json=secret_key(expires_at=expiry and expiry.isoformat()))).json()
            body = {"overlap_hours": overlap, "expires_at": late.isoformat()}
            new = (await owner.client.post(f"{KEYS}/{old['id']}/rotate", json=body)).json()
            ended = (await owner.client.get(f"{KEYS}/{old['id']}")).json()
            assert is_about(ended["expires_at"], left), (expiry, overlap)
            assert datetime.fromisoformat(new["expires_at"]) == late
        for body in (
            {"overlap_hours": 169},
            {"overlap_hours": -1},
            {"expires_at": "2020-01-01T00:00:00Z"},
            {"name": "x"},
        ):
            assert (await owner.client.post(f"{KEYS}/{new['id']}/rotate", json=body)).status_code == 422

    async def test_refuses_a_key_that_has_ended(self, owner: Person) -> None:
        revoked, expired = [(await owner.client.post(KEYS, json=secret_key())).json()["id"] for _ in range(2)]
        await owner.client.post(f"{KEYS}/{revoked}/revoke")
        await owner.client.post(f"{KEYS}/{expired}/rotate", json={"overlap_hours": 0})
        for key in (revoked, expired):
            answer = await owner.client.post(f"{KEYS}/{key}/rotate", json={})
            assert (answer.status_code, answer.json()["code"]) == (409, "api_key_ended")

    async def test_gives_nobody_a_key_of_wider_reach(self, founder: Founder, owner: Person) -> None:
        mine, other = await founder.workshop(owner), await founder.workshop(owner)
        admin, local = await founder.join(owner, "admin"), await founder.join(owner, "admin", [mine])
        for body, person, expected in (
            (secret_key(scopes=["tenancy.organization:close"]), admin, (403, "key_too_wide")),
            (secret_key(), admin, (201, None)),
            (secret_key(), local, (403, "key_too_wide")),
            (secret_key(workshop_id=other), local, (404, "api_key_not_found")),
            (secret_key(workshop_id=mine), local, (201, None)),
        ):
            key = (await owner.client.post(KEYS, json=body)).json()["id"]
            answer = await person.client.post(f"{KEYS}/{key}/rotate", json={})
            assert (answer.status_code, answer.json().get("code")) == expected
            revision = (await owner.client.get(f"{KEYS}/{key}")).json()["revision"]
            assert revision == (2 if expected[0] == 201 else 1)

    async def test_happens_once_however_often_it_is_sent(self, owner: Person) -> None:
        old = (await owner.client.post(KEYS, json=secret_key())).json()["id"]
        stale = await owner.client.post(f"{KEYS}/{old}/rotate", json={}, headers={"if-match": '"7"'})
        assert stale.status_code == 412
        headers = {"idempotency-key": str(new_id()), "if-match": '"1"'}
        first, second = [await owner.client.post(f"{KEYS}/{old}/rotate", json={}, headers=headers) for _ in range(2)]
        assert (first.status_code, first.json()) == (201, second.json())
        listed = (await owner.client.get(KEYS)).json()["items"]
        assert [each["rotated_from"] for each in listed].count(old) == 1

    async def test_tells_the_services_of_both_keys(
        self, founder: Founder, owner: Person, api_databases: dict[str, Database], eventually: Callable[..., Any]
    ) -> None:
        old = (await owner.client.post(KEYS, json=publishable(await founder.workshop(owner)))).json()
        new = (await owner.client.post(f"{KEYS}/{old['id']}/rotate", json={"overlap_hours": 3})).json()

        async def both_known() -> bool:
            async with api_databases["crm"].transaction(Context(organization_id=owner.organization_id)) as tx:
                ends = await tx.value(datetime, SELECT_EXPIRY, UUID(old["id"]))
                known = await tx.value(
                    bool, "SELECT EXISTS (SELECT FROM crm.publishable_keys WHERE id = $1)", UUID(new["id"])
                )
            return known is True and ends is not None and is_about(ends.isoformat(), timedelta(hours=3))

        assert await eventually(both_known)


class TestStepUp:
    async def test_is_asked_for_whatever_is_done_to_keys(
        self, owner: Person, issuer: Issuer, edges: dict[str, Edge]
    ) -> None:
        key = (await owner.client.post(KEYS, json=secret_key())).json()["id"]
        token = issuer.token(owner.organization_id, issued_at=datetime.now(UTC) - timedelta(seconds=310))
        async with client(edges["tenancy"], "tenancy", authorization=f"Bearer {token}") as idle:
            for path, body in ((KEYS, secret_key()), (f"{KEYS}/{key}/rotate", {}), (f"{KEYS}/{key}/revoke", None)):
                answer = await idle.post(path, json=body)
                assert (answer.status_code, answer.json()["code"]) == (401, "recent_sign_in_required"), path
                assert "insufficient_user_authentication" in answer.headers["www-authenticate"]
            for path in (KEYS, f"{KEYS}/{key}"):
                assert (await idle.get(path)).status_code == 200


class TestRevokeApiKey:
    async def test_is_for_ever(self, founder: Founder, owner: Person) -> None:
        made = (await owner.client.post(KEYS, json=publishable(await founder.workshop(owner)))).json()
        first = await owner.client.post(f"{KEYS}/{made['id']}/revoke")
        second = await owner.client.post(f"{KEYS}/{made['id']}/revoke")
        assert (first.status_code, first.json()["revision"], first.json()) == (200, 2, second.json())
        other = await founder.found()
        assert (await other.client.post(f"{KEYS}/{made['id']}/revoke")).status_code == 404


class TestOrigin:
    @pytest.mark.parametrize(
        ("text", "origin"),
        [
            ("https://Mueller.Example/", "https://mueller.example"),
            ("https://straße.de:443", "https://xn--strae-oqa.de"),
            ("https://a.example:8443", "https://a.example:8443"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://localhost:80", "http://localhost"),
            ("http://a.example", None),
            ("http://localhost.evil.example", None),
            ("https://*.example", None),
            ("https://a.example/path", None),
            ("https://a.example?", None),
            ("https://u@a.example", None),
            ("https://a.example:99999", None),
            ("https://[::1", None),
            ("https://", None),
            ("null", None),
            ("javascript:alert(1)", None),
        ],
    )
    def test_has_one_form(self, text: str, origin: str | None) -> None:
        assert normalize_origin(text) == origin
