"""Questions as staff write them and visitors read them."""

from typing import Any

import httpx
import pytest

from carbot_testing.plugin import Connect
from carbot_testing.world import Organization

FAQS = "/api/crm/v1/faqs"
PUBLIC = "/api/crm/v1/public/faqs"


@pytest.fixture
def manager(connect: Connect, garage: Organization) -> httpx.AsyncClient:
    return connect("crm", garage, "manager")


def new_faq(garage: Organization, workshop: int = 0, **changes: Any) -> dict[str, Any]:
    return {"workshop_id": str(garage.workshops[workshop]), "question": "Leihwagen?", "answer": "Ja.", **changes}


class TestEdit:
    async def test_changes_what_was_read(self, manager: httpx.AsyncClient, garage: Organization) -> None:
        made = (await manager.post(FAQS, json=new_faq(garage))).json()
        path = f"{FAQS}/{made['id']}"
        assert (await manager.patch(path, json={"answer": "Nein."})).status_code == 428
        changed = await manager.patch(path, json={"answer": "Nein."}, headers={"if-match": '"1"'})
        assert (changed.json()["answer"], changed.json()["question"]) == ("Nein.", "Leihwagen?")
        assert (await manager.delete(path, headers={"if-match": '"1"'})).status_code == 412
        assert (await manager.delete(path, headers={"if-match": '"2"'})).status_code == 204
        assert (await manager.get(path)).status_code == 404

    async def test_is_not_an_advisors(self, connect: Connect, garage: Organization) -> None:
        answer = await connect("crm", garage, "service_advisor").post(FAQS, json=new_faq(garage))
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


class TestPublished:
    async def test_are_the_workshops_own_in_their_order(
        self, manager: httpx.AsyncClient, page: Any, garage: Organization
    ) -> None:
        for place, question in ((7, "zwei?"), (3, "eins?")):
            await manager.post(FAQS, json=new_faq(garage, 1, language="pl", place=place, question=question))
        await manager.post(FAQS, json=new_faq(garage, 1, language="pl", is_published=False, question="nie?"))
        await manager.post(FAQS, json=new_faq(garage, 0, language="pl", question="elsewhere?"))
        answer = await page(garage, 1).get(PUBLIC, params={"language": "pl"})
        assert [each["question"] for each in answer.json()["items"]] == ["eins?", "zwei?"]

    async def test_may_be_kept_and_are_asked_for_again(
        self, manager: httpx.AsyncClient, page: Any, garage: Organization
    ) -> None:
        visitor = page(garage, 1)
        first = await visitor.get(PUBLIC, params={"language": "tr"})
        assert first.headers["cache-control"].startswith("public, max-age=60")
        tag = {"if-none-match": f'"other", W/{first.headers["etag"]}'}
        again = await visitor.get(PUBLIC, params={"language": "tr"}, headers=tag)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        await manager.post(FAQS, json=new_faq(garage, 1, language="tr"))
        assert (await visitor.get(PUBLIC, params={"language": "tr"}, headers=tag)).status_code == 200

    async def test_are_refused_without_a_key(self, connect: Connect) -> None:
        answer = await connect("crm").get(PUBLIC)
        assert (answer.status_code, answer.headers["cache-control"]) == (401, "no-store")
