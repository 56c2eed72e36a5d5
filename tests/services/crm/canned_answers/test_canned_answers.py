"""Canned answers."""

from carbot_testing.plugin import Connect
from carbot_testing.world import Organization

ANSWERS = "/api/crm/v1/canned-answers"


class TestCannedAnswers:
    async def test_are_the_workshops_own(self, connect: Connect, garage: Organization) -> None:
        owner, advisor = connect("crm", garage), connect("crm", garage, "service_advisor")
        body = {"title": "Leihwagen", "text": "Wir haben zwei."}
        ids = [
            (await owner.post(ANSWERS, json={**body, "workshop_id": str(site)})).json()["id"]
            for site in garage.workshops
        ]
        assert [each["id"] for each in (await owner.get(ANSWERS)).json()["items"]] == ids
        assert [each["id"] for each in (await advisor.get(ANSWERS)).json()["items"]] == ids[:1]
        assert (await advisor.post(ANSWERS, json={**body, "workshop_id": str(garage.workshops[1])})).status_code == 404

    async def test_are_changed_and_deleted(self, connect: Connect, garage: Organization) -> None:
        owner = connect("crm", garage)
        body = {"title": "Gruß", "text": "Gern.", "workshop_id": str(garage.workshops[0])}
        path = f"{ANSWERS}/{(await owner.post(ANSWERS, json=body)).json()['id']}"
        changed = await owner.patch(path, json={"text": "Immer gern."}, headers={"if-match": '"1"'})
        assert (changed.status_code, changed.json()["text"], changed.headers["etag"]) == (200, "Immer gern.", '"2"')
        assert (await owner.delete(path, headers={"if-match": '"2"'})).status_code == 204
        assert (await owner.get(path)).status_code == 404
