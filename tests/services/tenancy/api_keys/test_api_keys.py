"""API keys."""

from typing import Any

import pytest

from carbot_tenancy.api_keys.origins import normalize_origin
from carbot_testing.founding import TENANCY, Founder, Person

KEYS = f"{TENANCY}/api-keys"


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
            (owner, {"expires_at": "2020-01-01T00:00:00Z"}, 422),
            (owner, {"allowed_origins": ["https://a.example"]}, 422),
            (admin, {"scopes": ["tenancy.organization:close"]}, 403),
        ):
            body = {"kind": "secret", "name": "ERP", **changes}
            assert (await person.client.post(KEYS, json=body)).status_code == status


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
