"""The migrated database keeps the rules of the architecture, and each rule sees its violation."""

import os
from collections.abc import AsyncIterator

import catalogue_data
import catalogue_rules
import pytest
import pytest_asyncio
import rights_rules
from catalogue_rules import TABLES, Connection, Rule
from rights_rules import RULES
from violations import VIOLATIONS

from carbot_local.database import connected
from carbot_testing.data_plane import DataPlane

EXCEPTIONS: dict[str, Rule] = {
    "UNIQUE_OVER_ALL": catalogue_rules.keys_begin_with_the_organization,
    "FOREIGN_KEYS_TO_GLOBAL": catalogue_rules.foreign_keys_stay_inside,
    "INDEXES_OVER_ALL": catalogue_rules.indexes_begin_with_the_organization,
    "FURTHER_POLICIES": catalogue_rules.nothing_widens_a_policy,
    "UNRESTRICTED_BELOW_WORKSHOP": catalogue_rules.workshop_is_compared,
    "FLOATS": catalogue_rules.types_are_ours,
}


@pytest_asyncio.fixture
async def catalogue(plane: DataPlane, migrated: str) -> AsyncIterator[Connection]:
    async with (
        connected(plane.dsn_superuser(migrated)) as connection,
        connected(plane.dsn_superuser("postgres")) as pristine,
    ):
        await rights_rules.remember_pristine(connection, pristine)
        yield connection


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
async def test_holds(rule: Rule, catalogue: Connection) -> None:
    if rule is rights_rules.rights_are_as_written and os.environ.get("CARBOT_WRITE_SNAPSHOTS"):
        rights_rules.GRANTS.write_text(rights_rules.written(await rights_rules.granted(catalogue)))
    assert await rule(catalogue) == []


@pytest.mark.parametrize(("statements", "broken"), VIOLATIONS, ids=[sql.split("\n")[0][:60] for sql, _ in VIOLATIONS])
async def test_sees_its_violation_and_no_other_does(statements: str, broken: set[Rule], catalogue: Connection) -> None:
    transaction = catalogue.transaction()
    await transaction.start()
    try:
        await catalogue.execute(statements)
        await catalogue.execute("RESET ROLE")
        found = {rule.__name__: findings for rule in RULES if (findings := await rule(catalogue))}
    finally:
        await transaction.rollback()
    assert {rule.__name__ for rule in broken} == set(found), found


def test_every_rule_has_a_violation() -> None:
    assert set(RULES) == set[Rule]().union(*(broken for _, broken in VIOLATIONS))


@pytest.mark.parametrize("name", EXCEPTIONS)
async def test_exceptions_are_needed(name: str, catalogue: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {each for each in getattr(catalogue_data, name) if each.partition(".")[0] in catalogue_data.SCHEMAS}
    monkeypatch.setattr(catalogue_rules, name, {})
    found = {finding.partition(":")[0] for finding in await EXCEPTIONS[name](catalogue)}
    assert listed == found


async def test_listed_tables_exist(catalogue: Connection) -> None:
    tables = {row["name"] for row in await catalogue.fetch(TABLES, catalogue_data.SCHEMAS)}
    listed = {*catalogue_data.GLOBAL, *catalogue_data.UNAUDITED}
    listed |= {f"{service}.{name}" for service in catalogue_data.SERVICES for name in catalogue_data.INNER}
    assert {each for each in listed if each.partition(".")[0] in catalogue_data.SCHEMAS} - tables == set()
