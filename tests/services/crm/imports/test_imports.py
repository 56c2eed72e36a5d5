"""Customers from a file, as a workshop's owner brings them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
import pytest_asyncio

from carbot_core.db import Database
from carbot_core.jobs import JobLoop
from carbot_crm.imports.jobs import FORGET_ROWS
from carbot_testing.plugin import Connect
from carbot_testing.world import Organization, World

IMPORTS = "/api/crm/v1/imports"
CUSTOMERS = "/api/crm/v1/customers"
FILE = (
    "Vorname;Nachname;Firma;E-Mail;Telefon;PLZ;Ort\n"
    "Änne;Müller;;AENNE@example.org;030 23125-123;10115;Berlin\n"
    ";;Fuhrpark Özdemir GmbH;;0176 1234567;;\n"
    "Jan;Kowalski;;;;20095;Hamburg\n"
)

pytestmark = pytest.mark.usefixtures("workers")

type Eventually = Callable[..., Any]


@pytest_asyncio.fixture
async def organization(world: World) -> Organization:
    return await world.organization(
        workshops=2, members=(("owner", None), ("service_advisor", None), ("manager", (0,)))
    )


@pytest.fixture
def owner(connect: Connect, organization: Organization) -> httpx.AsyncClient:
    return connect("crm", organization)


async def upload(client: httpx.AsyncClient, content: str | bytes, **query: Any) -> httpx.Response:
    query = {"kind": "customers", "file_name": "kunden.csv", **query}
    return await client.post(IMPORTS, params=query, content=content, headers={"content-type": "text/csv"})


class Steps:
    """Goes through an import step by step, and waits after each."""

    def __init__(self, client: httpx.AsyncClient, eventually: Eventually) -> None:
        self.client, self._eventually = client, eventually

    async def ended(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 202, answer.text
        path = f"{IMPORTS}/{answer.json()['id']}"

        async def at_rest() -> Any:
            shown = (await self.client.get(path)).raise_for_status().json()
            return None if shown["state"] in {"reading", "checking", "applying"} else shown

        shown: dict[str, Any] = await self._eventually(at_rest, within=30)
        return shown

    async def uploaded(self, content: str | bytes, **query: Any) -> dict[str, Any]:
        return await self.ended(await upload(self.client, content, **query))

    async def then(self, step: str, shown: dict[str, Any]) -> dict[str, Any]:
        return await self.ended(await self.client.post(f"{IMPORTS}/{shown['id']}/{step}"))

    async def applied(self, content: str | bytes, **query: Any) -> dict[str, Any]:
        return await self.then("apply", await self.then("check", await self.uploaded(content, **query)))

    async def report(self, shown: dict[str, Any]) -> list[str]:
        answer = await self.client.get(f"{IMPORTS}/{shown['id']}/report.csv")
        return answer.raise_for_status().text.removeprefix("\ufeff").splitlines()

    async def customers(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.client.get(CUSTOMERS)).raise_for_status().json()["items"]
        return items


@pytest.fixture
def steps(owner: httpx.AsyncClient, eventually: Eventually) -> Steps:
    return Steps(owner, eventually)


def counts(shown: dict[str, Any]) -> tuple[int, ...]:
    return tuple(shown[name] for name in ("inserted", "updated", "unchanged", "failed"))


class TestUpload:
    async def test_guesses_which_column_is_which(self, steps: Steps) -> None:
        shown = await steps.uploaded(FILE)
        assert (shown["state"], shown["row_count"]) == ("uploaded", 3)
        expected = ["first_name", "last_name", "company", "email", "phone", "postal_code", "city"]
        assert shown["mapping"] == {field: column for column, field in enumerate(expected)}

    @pytest.mark.parametrize("delimiter", [",", "\t"])
    async def test_reads_what_windows_writes(self, steps: Steps, delimiter: str) -> None:
        shown = await steps.applied(FILE.replace(";", delimiter).replace("\n", "\r\n").encode("cp1252"))
        assert counts(shown) == (3, 0, 0, 0)
        assert {customer["first_name"] for customer in await steps.customers()} == {"Änne", None, "Jan"}

    @pytest.mark.parametrize(
        ("content", "failure"),
        [
            (FILE.encode("utf-16"), "wrong_encoding"),
            (b'Name;E-Mail\n"never closed;', "not_readable"),
            (b"\n\n", "no_header"),
            (b"Name;E-Mail\n\n;\n", "no_rows"),
            (b";x" * 1_000_000, "too_many_columns"),
            (b"Name\n" + b";" * 1_000_000, "too_many_columns"),
            (b"Name\n" + b"x\n" * 100_001, "too_many_rows"),
            (b"Name\n" + b"x" * 10_001, "cell_too_long"),
            (b"Name\n" + b"x" * 1_000_000, "not_readable"),
        ],
    )
    async def test_says_what_is_wrong_with_a_hostile_file(self, steps: Steps, content: bytes, failure: str) -> None:
        shown = await steps.uploaded(content)
        assert (shown["state"], shown["failure"]) == ("failed", failure)

    async def test_refuses_what_is_no_csv(self, owner: httpx.AsyncClient) -> None:
        query = {"kind": "customers", "file_name": "kunden.csv"}
        assert (await owner.post(IMPORTS, params=query, json={})).status_code == 415

    async def test_refuses_an_empty_file_and_an_unknown_workshop(self, owner: httpx.AsyncClient) -> None:
        assert (await upload(owner, b"")).status_code == 413
        assert (await upload(owner, FILE, workshop_id=str(uuid4()))).status_code == 404

    async def test_is_not_for_advisors(self, connect: Connect, organization: Organization) -> None:
        assert (await upload(connect("crm", organization, "service_advisor"), FILE)).status_code == 403


class TestCheck:
    async def test_tells_every_error_and_changes_nothing(self, steps: Steps) -> None:
        wrong = "Name;E-Mail;Telefon;PLZ\n=1+1;nobody;12;1\nOhne;;;\nGut;gut@example.org;;10115\n"
        checked = await steps.then("check", await steps.uploaded(wrong))
        assert (checked["state"], counts(checked)) == ("checked", (1, 0, 0, 2))
        first, second, third = (await steps.report(checked))[1:]
        assert first.startswith("2;failed;")
        assert all(f"{name}: " in first for name in ("last_name", "email", "postal_code"))
        assert second.startswith("3;failed;Give an e-mail")
        assert third == "4;inserted;"
        assert await steps.customers() == []

    async def test_is_by_the_mapping_that_was_given(self, steps: Steps, owner: httpx.AsyncClient) -> None:
        shown = await steps.uploaded("A;B\nDemir;ayse@example.org\n")
        assert shown["mapping"] == {}
        path = f"{IMPORTS}/{shown['id']}/mapping"
        assert (await owner.put(path, json={"mapping": {"email": 2}})).status_code == 422
        (await owner.put(path, json={"mapping": {"last_name": 0, "email": 1}})).raise_for_status()
        assert counts(await steps.then("check", shown)) == (1, 0, 0, 0)


class TestApply:
    async def test_stores_everything_in_its_one_form(self, steps: Steps) -> None:
        assert counts(await steps.applied(FILE)) == (3, 0, 0, 0)
        by_city = {customer["city"]: customer for customer in await steps.customers()}
        berlin = by_city["Berlin"]
        assert (berlin["email"], berlin["phone"]) == ("aenne@example.org", "+493023125123")
        assert (berlin["source"], by_city[None]["kind"]) == ("import", "company")

    async def test_twice_is_once(self, steps: Steps) -> None:
        await steps.applied(FILE)
        before = await steps.customers()
        assert counts(await steps.applied(FILE)) == (0, 0, 3, 0)
        assert await steps.customers() == before

    async def test_twice_is_once_although_rows_repeat_across_batches(self, steps: Steps) -> None:
        rows = [f"Kunde {number};kunde{number}@example.org\n" for number in range(600)]
        content = "Name;E-Mail\n" + "".join(rows) + "Anders;kunde1@example.org\n"
        assert counts(await steps.applied(content)) == (600, 0, 0, 1)
        assert counts(await steps.applied(content)) == (0, 0, 600, 1)

    async def test_takes_over_what_is_new_and_keeps_what_the_file_leaves_out(self, steps: Steps) -> None:
        await steps.applied(FILE)
        assert counts(await steps.applied("Name;E-Mail;Ort\nSchmidt;aenne@example.org;\n")) == (0, 1, 0, 0)
        (changed,) = [each for each in await steps.customers() if each["last_name"] == "Schmidt"]
        assert (changed["city"], changed["phone"], changed["revision"]) == ("Berlin", "+493023125123", 2)

    async def test_tells_two_people_with_one_telephone_apart_by_their_addresses(self, steps: Steps) -> None:
        content = "Name;E-Mail;Tel\nA;a@example.org;0176 1234567\nB;b@example.org;0176 1234567\n"
        assert counts(await steps.applied(content)) == (2, 0, 0, 0)
        assert counts(await steps.applied(content)) == (0, 0, 2, 0)

    async def test_twice_is_once_although_a_number_passes_from_one_to_another(self, steps: Steps) -> None:
        await steps.applied("Name;E-Mail;Tel\nA;a@example.org;0176 1234567\n")
        content = "Name;E-Mail;Tel\nA;a@example.org;0176 7654321\nB;;0176 1234567\n"
        assert counts(await steps.applied(content)) == (1, 1, 0, 0)
        assert counts(await steps.applied(content)) == (0, 0, 2, 0)

    async def test_of_a_managers_workshop_shows_him_nothing_of_another(
        self, steps: Steps, connect: Connect, organization: Organization
    ) -> None:
        manager = connect("crm", organization, "manager")
        own, other = (str(workshop) for workshop in organization.workshops[:2])
        hidden = await steps.applied(FILE, workshop_id=other)
        assert (await manager.get(f"{IMPORTS}/{hidden['id']}/report.csv")).status_code == 404
        assert (await upload(manager, FILE, workshop_id=other)).status_code == 404
        assert (await upload(manager, FILE, workshop_id=own)).status_code == 202

    async def test_leaves_customers_of_other_workshops_alone(self, steps: Steps, organization: Organization) -> None:
        first, second = (str(workshop) for workshop in organization.workshops[:2])
        assert counts(await steps.applied(FILE, workshop_id=first)) == (3, 0, 0, 0)
        assert counts(await steps.applied(FILE, workshop_id=second)) == (3, 0, 0, 0)
        assert counts(await steps.applied(FILE, workshop_id=first)) == (0, 0, 3, 0)

    async def test_is_not_before_the_check(self, steps: Steps, owner: httpx.AsyncClient) -> None:
        shown = await steps.uploaded(FILE)
        assert (await owner.post(f"{IMPORTS}/{shown['id']}/apply")).status_code == 409


class TestForget:
    async def test_deletes_after_thirty_days_what_the_file_said(
        self, steps: Steps, owner: httpx.AsyncClient, worker_databases: dict[str, Database]
    ) -> None:
        shown = await steps.ended(await upload(owner, FILE))
        checked = await steps.ended(await owner.post(f"{IMPORTS}/{shown['id']}/check"))
        for age, lines in ((29, 4), (31, 1)):
            later = datetime.now(UTC) + timedelta(days=age)
            job = msgspec.structs.replace(FORGET_ROWS, name=f"forget-{uuid4()}")
            assert await JobLoop(worker_databases["crm"], (job,), lambda later=later: later).run_if_due(job)
            report = await owner.get(f"{IMPORTS}/{checked['id']}/report.csv")
            assert len(report.text.splitlines()) == lines
