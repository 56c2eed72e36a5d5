"""Landing pages as staff write them and visitors read them."""

from typing import Any

import httpx
import pytest

from carbot_testing.plugin import Connect
from carbot_testing.world import Organization

PAGES = "/api/crm/v1/landing-pages"
PUBLIC = "/api/crm/v1/public/landing-pages"


@pytest.fixture
def manager(connect: Connect, garage: Organization) -> httpx.AsyncClient:
    return connect("crm", garage, "manager")


def new_page(garage: Organization, **changes: Any) -> dict[str, Any]:
    return {
        "workshop_id": str(garage.workshops[0]),
        "slug": "hauptuntersuchung",
        "title": "HU in Berlin",
        "introduction": "Täglich ab 8 Uhr.",
        "services": [{"name": "Hauptuntersuchung", "price": "ab 140 €"}],
        **changes,
    }


class TestSlug:
    async def test_is_once_in_each_language(self, manager: httpx.AsyncClient, garage: Organization) -> None:
        assert (await manager.post(PAGES, json=new_page(garage, slug="hu"))).status_code == 201
        second = await manager.post(PAGES, json=new_page(garage, slug="hu"))
        assert (second.status_code, second.json()["code"]) == (409, "slug_taken")
        turkish = await manager.post(PAGES, json=new_page(garage, slug="hu", language="tr"))
        assert turkish.status_code == 201
        path = f"{PAGES}/{turkish.json()['id']}"
        moved = await manager.patch(path, json={"language": "de"}, headers={"if-match": '"1"'})
        assert (moved.status_code, moved.json()["code"]) == (409, "slug_taken")
        assert (await manager.delete(path, headers={"if-match": '"1"'})).status_code == 204


class TestPublished:
    async def test_is_read_once_it_is_published(
        self, manager: httpx.AsyncClient, page: Any, garage: Organization
    ) -> None:
        made = (await manager.post(PAGES, json=new_page(garage))).json()
        visitor, query = page(garage), {"slug": "hauptuntersuchung"}
        hidden = await visitor.get(PUBLIC, params=query)
        assert (hidden.status_code, hidden.json()["code"]) == (404, "landing_page_not_found")
        await manager.patch(f"{PAGES}/{made['id']}", json={"is_published": True}, headers={"if-match": '"1"'})
        shown = await visitor.get(PUBLIC, params=query)
        assert shown.json()["services"] == [{"name": "Hauptuntersuchung", "price": "ab 140 €"}]
        again = await visitor.get(PUBLIC, params=query, headers={"if-none-match": shown.headers["etag"]})
        assert again.status_code == 304
        assert (await page(garage, 1).get(PUBLIC, params=query)).status_code == 404
