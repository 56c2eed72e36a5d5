"""Scores and scoring models as a workshop's staff see them."""

import csv
import io
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from carbot_testing.plugin import Connect
from carbot_testing.world import Organization, World

LEADS = "/api/crm/v1/leads"
SCORING = "/api/crm/v1/lead-scoring"
PROMISING = "Dringend, Bremsen kaputt! Bitte um einen Termin heute, was kostet das für meinen VW Golf?"


@pytest_asyncio.fixture
async def organization(world: World) -> Organization:
    return await world.organization(workshops=1, members=(("owner", None), ("service_advisor", None)))


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


async def lead(client: httpx.AsyncClient, organization: Organization, **changes: Any) -> dict[str, Any]:
    body = {
        "workshop_id": str(organization.workshops[0]),
        "source": "phone",
        "name": "Jörg Müller",
        "phone": f"0176 {uuid4().int % 10**7:07d}",
        "request": "Hallo",
        **changes,
    }
    answer = await client.post(LEADS, json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


class TestScore:
    async def test_comes_with_the_lead_and_says_why(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        dull, good = await lead(owner, organization), await lead(owner, organization, request=PROMISING)
        assert dull["lead_score"] < 60
        assert good["lead_score"] > 70
        (entry,) = (await owner.get(f"{LEADS}/{good['id']}/scores")).json()["items"]
        assert (entry["score"], entry["trigger"], entry["model_version"]) == (good["lead_score"], "taken", 1)
        assert entry["features"]["urgent_words"] == 2
        assert round(sum(each["points"] for each in entry["contributions"])) == good["lead_score"]

    async def test_is_counted_again_when_the_lead_changes(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        dull = await lead(owner, organization)
        edited = await owner.patch(f"{LEADS}/{dull['id']}", json={"request": PROMISING}, headers={"if-match": '"1"'})
        assert edited.json()["lead_score"] > dull["lead_score"]
        again = {"phone": dull["phone"], "request": "Wann haben Sie Zeit?"}
        assert (await lead(owner, organization, **again))["id"] == dull["id"]
        triggers = [each["trigger"] for each in (await owner.get(f"{LEADS}/{dull['id']}/scores")).json()["items"]]
        assert triggers == ["message", "edit", "taken"]

    async def test_puts_hot_leads_on_the_hot_list(self, owner: httpx.AsyncClient, organization: Organization) -> None:
        await lead(owner, organization)
        hot = [(await lead(owner, organization, request=PROMISING))["id"] for _ in range(3)]
        wanted = {"workshop_id": str(organization.workshops[0]), "limit": 2}
        first = (await owner.get(f"{LEADS}/hot", params=wanted)).json()
        second = (await owner.get(f"{LEADS}/hot", params={**wanted, "cursor": first["next_cursor"]})).json()
        assert [each["id"] for each in first["items"] + second["items"]] == hot[::-1]


class TestModels:
    async def test_draft_is_previewed_activated_and_rolled_back(
        self, owner: httpx.AsyncClient, organization: Organization, workers: None, eventually: Any
    ) -> None:
        before = await lead(owner, organization)
        draft = {"name": "Alles heiß", "rules": {"weights": {"urgency": 2.0}}}
        model = (await owner.post(f"{SCORING}/models", json=draft)).raise_for_status().json()
        assert (model["version"], model["status"]) == (2, "draft")
        preview = (await owner.post(f"{SCORING}/models/{model['id']}/preview")).json()
        assert (preview["leads"], preview["then"], preview["changed"]) == (1, {"hot": 1}, 1)
        active = (await owner.post(f"{SCORING}/models/{model['id']}/activate")).json()
        assert active["status"] == "active"
        assert (await lead(owner, organization))["lead_score"] == 100
        run = (await owner.post(f"{SCORING}/runs")).raise_for_status().json()

        async def done() -> bool:
            shown = (await owner.get(f"{SCORING}/runs/{run['id']}")).json()
            return (shown["state"], shown["done"], shown["changed"]) == ("done", 2, 1)

        await eventually(done, within=15)
        assert (await owner.get(f"{LEADS}/{before['id']}")).json()["lead_score"] == 100
        assert (await owner.post(f"{SCORING}/models/deactivate")).status_code == 204
        assert (await lead(owner, organization))["lead_score"] == before["lead_score"]

    async def test_logistic_one_is_activated_like_any_other(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        draft = {"name": "Gelernt", "logistic": {"intercept": -2.0, "weights": {"high_value_word": 4.0}}}
        model = (await owner.post(f"{SCORING}/models", json=draft)).raise_for_status().json()
        (await owner.post(f"{SCORING}/models/{model['id']}/activate")).raise_for_status()
        assert (await lead(owner, organization, request="Bremsen"))["lead_score"] == 88
        assert (await lead(owner, organization))["lead_score"] == 12

    @pytest.mark.parametrize(
        ("draft", "code"),
        [
            ({}, "model_ambiguous"),
            ({"rules": {}, "logistic": {"intercept": 0, "weights": {}}}, "model_ambiguous"),
            ({"logistic": {"intercept": 0, "weights": {"shoe_size": 1}}}, "unknown_feature"),
        ],
    )
    async def test_says_what_is_wrong(self, owner: httpx.AsyncClient, draft: dict[str, Any], code: str) -> None:
        answer = await owner.post(f"{SCORING}/models", json={"name": "X", **draft})
        assert (answer.status_code, answer.json()["code"]) == (422, code)

    async def test_is_not_the_advisors_to_change(self, connect: Connect, organization: Organization) -> None:
        advisor = connect("crm", organization, "service_advisor")
        assert (await advisor.post(f"{SCORING}/models", json={"name": "X", "rules": {}})).status_code == 403


class TestTrainingData:
    async def test_holds_the_features_of_ended_leads_and_nothing_personal(
        self, owner: httpx.AsyncClient, organization: Organization
    ) -> None:
        won, lost, _ = [await lead(owner, organization, request=PROMISING) for _ in range(3)]
        (await owner.post(f"{LEADS}/{won['id']}/convert", json={})).raise_for_status()
        (await owner.post(f"{LEADS}/{lost['id']}/lose", json={"reason": "zu teuer"})).raise_for_status()
        answer = await owner.get(f"{SCORING}/training-data.csv")
        assert answer.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert {(row["lead_id"], row["converted"]) for row in rows} == {(won["id"], "1"), (lost["id"], "0")}
        assert "Müller" not in answer.text
