"""Wordings: drafts, what is published, and what a customer would read."""

from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from carbot_core.db import Database
from carbot_crm.send_gate.models import Recipient
from carbot_crm.templates.letters import NOTICES, fill, fill_subject
from carbot_testing.customers import store_customer
from carbot_testing.plugin import Connect
from carbot_testing.world import Organization, World

TEMPLATES = "/api/crm/v1/templates"
VERSIONS = "/api/crm/v1/template-versions"


@pytest_asyncio.fixture(scope="session")
async def organization(world: World) -> Organization:
    return await world.organization(members=(("owner", None), ("service_advisor", None)))


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


@pytest_asyncio.fixture
async def template(owner: httpx.AsyncClient) -> str:
    made = await owner.post(TEMPLATES, json={"name": "HU", "purpose": "hu_reminder"})
    found: str = made.json()["id"]
    return found


async def written(owner: httpx.AsyncClient, template: str, **changes: Any) -> dict[str, Any]:
    wording = {"language": "de", "subject": "HU für $plate", "body": "Guten Tag $name", **changes}
    answer = await owner.post(f"{TEMPLATES}/{template}/versions", json=wording)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


class TestVersion:
    async def test_is_published_in_place_of_the_one_before(self, owner: httpx.AsyncClient, template: str) -> None:
        first, second = await written(owner, template), await written(owner, template, subject="Neu")
        english = await written(owner, template, language="en")
        for version in (first, english, second, second):
            published = await owner.post(f"{VERSIONS}/{version['id']}/publish")
            assert (published.status_code, published.json()["state"]) == (200, "published")
        page = (await owner.get(f"{TEMPLATES}/{template}/versions")).json()["items"]
        assert [(each["language"], each["state"]) for each in page] == [
            ("en", "published"),
            ("de", "published"),
            ("de", "retired"),
        ]

    async def test_can_be_retired_once_it_is_published(self, owner: httpx.AsyncClient, template: str) -> None:
        path = f"{VERSIONS}/{(await written(owner, template))['id']}"
        answer = await owner.post(f"{path}/retire")
        assert (answer.status_code, answer.json()["code"]) == (409, "nothing_published")
        await owner.post(f"{path}/publish")
        assert (await owner.post(f"{path}/retire")).json()["state"] == "retired"

    async def test_is_not_published_as_it_was_not_seen(self, owner: httpx.AsyncClient, template: str) -> None:
        path = f"{VERSIONS}/{(await written(owner, template))['id']}"
        answer = await owner.post(f"{path}/publish", headers={"if-match": '"7"'})
        assert answer.status_code == 412

    @pytest.mark.parametrize("body", ["Guten Tag $nmae", "Nur 50$", "${name.__class__}", "$"])
    async def test_that_leaves_open_what_nothing_is_filled_in_for_is_refused(
        self, owner: httpx.AsyncClient, template: str, body: str
    ) -> None:
        wording = {"language": "de", "subject": "HU", "body": body}
        answer = await owner.post(f"{TEMPLATES}/{template}/versions", json=wording)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body")
        assert "plate" in answer.json()["placeholders"]

    async def test_is_for_managers_to_write(self, connect: Connect, organization: Organization, template: str) -> None:
        advisor = connect("crm", organization, "service_advisor")
        wording = {"language": "de", "subject": "HU", "body": "x"}
        assert (await advisor.post(f"{TEMPLATES}/{template}/versions", json=wording)).status_code == 403
        assert (await advisor.get(f"{TEMPLATES}/{template}/versions")).status_code == 200


class TestPreview:
    async def test_shows_what_the_customer_would_read_and_what_is_no_html_as_none(
        self,
        owner: httpx.AsyncClient,
        organization: Organization,
        template: str,
        api_databases: dict[str, Database],
    ) -> None:
        customer: UUID = await store_customer(
            api_databases["crm"], organization.id, first_name="<b>$plate", last_name="Özdemir & Söhne"
        )
        version = await written(
            owner, template, body="Guten Tag $name,\nzur HU mit ${plate}: 50 $$ <i>\n\nGruß, $organization"
        )
        seen = (await owner.get(f"{VERSIONS}/{version['id']}/previews/{customer}")).json()
        assert seen["subject"] == "HU für B-CB 1234"
        assert seen["text"].startswith("Guten Tag <b>$plate Özdemir & Söhne,\nzur HU mit B-CB 1234: 50 $ <i>\n\nGruß")
        assert "&lt;b&gt;$plate Özdemir &amp; Söhne,<br>zur HU mit B-CB 1234: 50 $ &lt;i&gt;</p>" in seen["html"]
        assert "<i>" not in seen["html"]
        assert "widersprechen" in seen["text"]


class TestLetters:
    def test_object_in_every_language(self) -> None:
        assert set(NOTICES) == {"de", "en", "tr", "pl"}
        assert all("{sender}" in notice for notice in NOTICES.values())

    def test_have_a_subject_of_one_line(self) -> None:
        recipient = Recipient(
            id=UUID(int=1),
            first_name="A\r\nBcc: eve@example.org",
            last_name=None,
            company=None,
            email=None,
            phone=None,
            language="de",
            is_restricted=False,
            workshop_name=None,
            organization_name="M",
            organization_status="active",
        )
        assert fill_subject("An $name", recipient, {}) == "An A Bcc: eve@example.org"
        assert fill("$workshop $plate|", recipient, {}) == "M |"
