"""What an organisation says of itself, and what the law asks of it."""

from typing import Any, get_args

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbot_contracts.tenancy import Role
from carbot_core.db import Database
from carbot_tenancy.organizations.legal import (
    ALPHA_3,
    read_register_number,
    read_tax_number,
    read_vat_id,
)
from carbot_tenancy.organizations.models import LegalForm
from carbot_testing.founding import TENANCY, Founder, Person
from carbot_testing.plugin import Connect
from tests.services.tenancy.organizations.told import changes

CURRENT = f"{TENANCY}/organizations/current"
REGISTERED = {"register_court": "Amtsgericht Charlottenburg", "register_number": "HRB 12345 B"}
NUMBERS = {"HRA": "HRA 77", "HRB": "HRB 77", "GsR": "GsR 77"}
FORMS: dict[str, set[LegalForm]] = {
    "": {"einzelunternehmen", "gbr"},
    "HRA": {"ek", "ohg", "kg", "gmbh_co_kg"},
    "HRB": {"gmbh", "ug", "ag"},
    "GsR": {"egbr"},
}


async def edit(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    """Change the organisation as it is now."""
    tag = (await client.get(CURRENT)).headers["etag"]
    return await client.patch(CURRENT, json=body, headers={"if-match": tag})


def mends(answer: httpx.Response) -> dict[str, str]:
    """Return what is wrong with which field."""
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_legal_data"), answer.text
    return {error["pointer"]: error["message"] for error in answer.json()["errors"]}


class TestEditOrganization:
    async def test_stores_each_number_in_its_one_spelling_and_announces_the_whole(
        self, founder: Founder, worker_databases: dict[str, Database]
    ) -> None:
        owner = await founder.found()
        body = {
            "legal_name": " Autohaus Ünal GmbH ",
            "register_court": " Amtsgericht Köln ",
            "register_number": "hrb4711b",
            "vat_id": "de 136 695 976",
            "tax_number": "181/815/08155",
            "locale": "en",
            "time_zone": "Europe/Lisbon",
        }
        answer = await edit(owner.client, **body)
        assert answer.status_code == 200, answer.text
        expected = {
            "legal_name": "Autohaus Ünal GmbH",
            "legal_form": "gmbh",
            "register_court": "Amtsgericht Köln",
            "register_number": "HRB 4711 B",
            "vat_id": "DE136695976",
            "locale": "en",
            "time_zone": "Europe/Lisbon",
        }
        assert {**expected, "tax_number": "18181508155"}.items() <= answer.json().items()
        assert (answer.headers["etag"], answer.json()["revision"], answer.json()["missing"]) == ('"2"', 2, [])
        assert (await owner.client.get(CURRENT)).json() == answer.json()
        [(event, version)] = await changes(worker_databases["tenancy"], owner.organization_id)
        assert {name: getattr(event, name) for name in expected} == expected
        assert (event.status, version) == ("trial", 2)

    async def test_leaves_what_is_left_out_and_empties_by_null(self, founder: Founder) -> None:
        owner = await founder.found()
        await edit(owner.client, **REGISTERED, vat_id="DE136695976")
        kept = (await edit(owner.client, legal_name="Autohaus Süd GmbH")).json()
        assert {**REGISTERED, "vat_id": "DE136695976"}.items() <= kept.items()
        emptied = (await edit(owner.client, register_court=None, register_number=None, vat_id=None)).json()
        assert [emptied[name] for name in ("register_court", "register_number", "vat_id")] == [None] * 3

    async def test_changes_nothing_by_what_is_so_already(
        self, founder: Founder, worker_databases: dict[str, Database]
    ) -> None:
        owner = await founder.found()
        first = await edit(owner.client, **REGISTERED)
        again = await edit(owner.client, register_court=REGISTERED["register_court"], register_number="HRB12345B")
        assert (again.status_code, again.json()) == (200, first.json())
        assert len(await changes(worker_databases["tenancy"], owner.organization_id)) == 1

    async def test_loses_no_update(self, founder: Founder) -> None:
        owner = await founder.found()
        body = {"legal_name": "Autohaus Nord GmbH"}
        assert (await owner.client.patch(CURRENT, json=body)).status_code == 428
        assert (await owner.client.patch(CURRENT, json=body, headers={"if-match": '"1"'})).status_code == 200
        stale = await owner.client.patch(CURRENT, json={"locale": "en"}, headers={"if-match": '"1"'})
        assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
        assert (await owner.client.get(CURRENT)).json()["locale"] == "de"

    async def test_is_for_owners_and_admins(self, owner: Person, connect: Connect) -> None:
        statuses: dict[Role, int] = {"owner": 200, "admin": 200, "manager": 403, "accountant": 403}
        for role, status in statuses.items():
            client = connect("tenancy", owner.organization_id, role)
            assert (await edit(client, locale="de")).status_code == status, role

    @pytest.mark.parametrize(
        "field", ["id", "slug", "status", "country", "revision", "missing", "closing_since", "suspended_at"]
    )
    async def test_takes_no_other_field(self, owner: Person, field: str) -> None:
        assert (await edit(owner.client, **{field: None})).status_code == 422

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("register_number", "4711"),
            ("register_number", "VR 4711"),
            ("register_number", "HRB 1234567"),
            ("register_number", "HRB 12345 BERL"),
            ("vat_id", "DE136695978"),
            ("vat_id", "ATU12345678"),
            ("vat_id", "DE036695976"),
            ("tax_number", "123"),
            ("tax_number", "36574261809"),
            ("tax_number", "DE136695976"),
            ("time_zone", "Europe/Cologne"),
            ("time_zone", "Europe"),
            ("time_zone", "../../etc/passwd"),
        ],
    )
    async def test_refuses_what_is_no_such_thing(self, owner: Person, field: str, value: str) -> None:
        assert list(mends(await edit(owner.client, **{field: value}))) == [f"/{field}"]

    async def test_says_everything_that_is_wrong_at_once(self, owner: Person) -> None:
        answer = await edit(owner.client, vat_id="1", tax_number="1", time_zone="1")
        assert list(mends(answer)) == ["/vat_id", "/tax_number", "/time_zone"]

    @pytest.mark.parametrize("given", ["register_court", "register_number"])
    async def test_takes_court_and_number_together_alone(self, founder: Founder, given: str) -> None:
        owner = await founder.found()
        [other] = {"register_court", "register_number"} - {given}
        assert "come together" in mends(await edit(owner.client, **{given: REGISTERED[given]}))[f"/{other}"]
        await edit(owner.client, **REGISTERED)
        assert "come together" in mends(await edit(owner.client, **{given: None}))[f"/{given}"]

    @pytest.mark.parametrize("own", FORMS)
    async def test_takes_the_register_of_the_legal_form_and_no_other(self, founder: Founder, own: str) -> None:
        owner = await founder.found()
        for form in sorted(FORMS[own]):
            for register, number in NUMBERS.items():
                body = {"legal_form": form, "register_court": "Amtsgericht Köln", "register_number": number}
                answer = await edit(owner.client, **body)
                if register == own:
                    assert answer.status_code == 200, answer.text
                elif own:
                    assert list(mends(answer)) == ["/register_number"]
                    assert mends(answer)["/register_number"].endswith(f"send a number such as {own} 12345")
                else:
                    assert set(mends(answer)) == {"/register_court", "/register_number"}
                    assert all("send null" in mend for mend in mends(answer).values())

    def test_knows_every_legal_form(self) -> None:
        assert sorted(form for forms in FORMS.values() for form in forms) == sorted(get_args(LegalForm))

    async def test_refuses_a_legal_form_that_the_stored_register_contradicts(self, founder: Founder) -> None:
        owner = await founder.found()
        await edit(owner.client, **REGISTERED)
        assert "/register_number" in mends(await edit(owner.client, legal_form="kg"))
        mended = await edit(owner.client, legal_form="gbr", register_court=None, register_number=None)
        assert mended.status_code == 200


class TestReadOrganization:
    async def test_says_what_the_legal_form_still_needs(self, founder: Founder) -> None:
        owner = await founder.found()
        registered = ["register_court", "register_number"]
        assert (await owner.client.get(CURRENT)).json()["missing"] == [*registered, "vat_id_or_tax_number"]
        assert (await edit(owner.client, tax_number="181/815/08155")).json()["missing"] == registered
        assert (await edit(owner.client, legal_form="einzelunternehmen")).json()["missing"] == []
        assert (await edit(owner.client, tax_number=None)).json()["missing"] == ["vat_id_or_tax_number"]
        assert (await edit(owner.client, vat_id="DE136695976")).json()["missing"] == []

    async def test_shows_the_country_by_both_codes(self, owner: Person) -> None:
        shown = (await owner.client.get(CURRENT)).json()
        assert (shown["country"], shown["country_alpha3"]) == ("DE", "DEU")
        assert ALPHA_3[shown["country"]] == shown["country_alpha3"]


class TestRegisterNumber:
    @given(
        register=st.sampled_from(sorted(NUMBERS)),
        digits=st.from_regex(r"[0-9]{1,6}", fullmatch=True),
        suffix=st.from_regex(r"([A-Z]{1,3})?", fullmatch=True),
        spaces=st.tuples(*[st.sampled_from(["", " ", "\N{NO-BREAK SPACE}"])] * 2),
    )
    def test_has_one_spelling(self, register: str, digits: str, suffix: str, spaces: tuple[str, str]) -> None:
        written = f"{register}{spaces[0]}{digits}{spaces[1]}{suffix}" if suffix else f"{register}{spaces[0]}{digits}"
        spelt = read_register_number(written)
        assert spelt is not None
        assert spelt == " ".join(part for part in (register, digits, suffix) if part)
        assert read_register_number(spelt) == spelt


class TestVatId:
    @given(place=st.integers(2, 10), digit=st.sampled_from("0123456789"))
    def test_with_one_digit_wrong_is_none(self, place: int, digit: str) -> None:
        right = "DE136695976"
        wrong = right[:place] + digit + right[place + 1 :]
        assert read_vat_id(wrong) == (right if wrong == right else None)


class TestTaxNumber:
    def test_may_look_like_a_persons_number_only_if_it_is_written_as_a_tax_number(self) -> None:
        assert read_tax_number("36574261809") is None
        assert read_tax_number("36 574 261 809") is None
        assert read_tax_number("365/742/61809") == "36574261809"

    @given(text=st.text(max_size=20))
    def test_of_any_text_is_digits_or_none(self, text: str) -> None:
        read = read_tax_number(text)
        assert read is None or (read.isascii() and read.isdigit() and len(read) in {10, 11, 13})
