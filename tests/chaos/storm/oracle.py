"""The oracle: what was acknowledged against what is stored."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, LiteralString

import asyncpg

from tests.chaos.storm.ledger import Ledger

_MOST_NAMED = 5

# Which versions of a workshop each projection took over, in the order of their taking.
WATCH: LiteralString = """
    CREATE SCHEMA storm;
    CREATE TABLE storm.taken (
        number bigint GENERATED ALWAYS AS IDENTITY, service text NOT NULL, id uuid NOT NULL, version bigint NOT NULL
    );
    CREATE FUNCTION storm.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO storm.taken (service, id, version) VALUES (TG_TABLE_SCHEMA, NEW.id, NEW.version);
        RETURN NULL;
    END $$;
    GRANT USAGE ON SCHEMA storm TO PUBLIC;
    CREATE TRIGGER storm_note AFTER INSERT OR UPDATE ON crm.workshops FOR EACH ROW EXECUTE FUNCTION storm.note();
    CREATE TRIGGER storm_note AFTER INSERT OR UPDATE ON compliance.workshops FOR EACH ROW EXECUTE FUNCTION storm.note();
"""


class Findings:
    """What does not hold, by the promise that it breaks."""

    def __init__(self) -> None:
        self.broken: dict[str, list[str]] = {}
        self.compared: Counter[str] = Counter()

    def expect_same(self, promise: str, expected: Any, found: Any, what: object = "") -> None:
        self.compared[promise] += 1
        if expected != found:
            self.broken.setdefault(promise, []).append(f"{what}: {found!r}, not {expected!r}"[:300])

    def expect_none(self, promise: str, wrong: Iterable[object], compared: int = 1) -> None:
        self.compared[promise] += compared
        if found := [str(each)[:300] for each in wrong]:
            self.broken.setdefault(promise, []).extend(found)

    def sentences(self) -> list[str]:
        """Say of each broken promise how often and with the first examples."""
        return [
            f"{promise}: {len(examples)} times, as {'; '.join(examples[:_MOST_NAMED])}"
            for promise, examples in self.broken.items()
        ]


async def compare_commands(findings: Findings, connection: asyncpg.Connection, ledger: Ledger) -> None:
    """Compare every acknowledged command with what is stored of it."""
    findings.expect_none("clients are told nothing else", ledger.faults)
    await _compare_leads(findings, connection, ledger)
    await _compare_workshops(findings, connection, ledger)
    for service, expected in ledger.groups.items():
        kept = await connection.fetchval(_KEYS[service])
        findings.expect_same("each acknowledged key is kept, once", expected, kept, service)


async def _compare_leads(findings: Findings, connection: asyncpg.Connection, ledger: Ledger) -> None:
    rows = {
        row["id"]: row for row in await connection.fetch("SELECT id, request, revision, estimated_value FROM crm.leads")
    }
    for lead in ledger.leads:
        row = rows.get(lead.id)
        found = row and (row["request"], row["revision"], row["estimated_value"])
        expected = (lead.marker, lead.revision, lead.value)
        findings.expect_same("each lead is as it was acknowledged last", expected, found, lead.id)
    findings.expect_same("no command made two leads", len(ledger.leads), len(rows), "leads")
    texts = Counter(row["text"] for row in await connection.fetch("SELECT text FROM crm.lead_interactions"))
    findings.expect_none(
        "each acknowledged command has one effect",
        (f"{marker}: {texts[marker]}" for marker in ledger.markers if texts[marker] != 1),
        len(ledger.markers),
    )
    findings.expect_same("no interaction comes from nowhere", len(ledger.markers), texts.total(), "interactions")


async def _compare_workshops(findings: Findings, connection: asyncpg.Connection, ledger: Ledger) -> None:
    stored = await connection.fetch("SELECT id, slug, revision, name, organization_id FROM tenancy.workshops")
    rows = {row["id"]: row for row in stored}
    for workshop in ledger.workshops:
        row = rows.get(workshop.id)
        found = row and (row["slug"], row["revision"], row["name"])
        expected = (workshop.slug, workshop.revision, workshop.name)
        findings.expect_same("each workshop is as it was acknowledged last", expected, found, workshop.id)
    findings.expect_same("no command made two workshops", len(ledger.workshops), len(rows), "workshops")
    names = Counter(row["name"] for row in await connection.fetch("SELECT name FROM tenancy.workshop_locations"))
    findings.expect_same("each location was made once", Counter(ledger.locations), names, "locations")


_KEYS: dict[str, LiteralString] = {
    "crm": "SELECT count(*) FROM crm.idempotency_keys",
    "tenancy": "SELECT count(*) FROM tenancy.idempotency_keys",
}
