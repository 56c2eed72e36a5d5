"""Every SQL statement of the product prepares and is permitted as each role that uses it, on the migrated schema."""

from functools import cache
from typing import Final

import asyncpg
import pytest
from catalogue_data import SERVICES
from catalogue_rules import Connection
from statements import Product, Statement

from carbot_local.database import connected
from carbot_testing.data_plane import DataPlane

NOT_EVERYWHERE: Final = {
    "carbot_core.directory.project_publishable_key": "only services that take guests keep publishable keys",
    "carbot_core.web.tickets.redeem": "only services with streams have tickets",
}
"""Statements of core whose table not every service has."""
UNUSED: Final[dict[str, str]] = {}
"""Statements whose user is not found in the source, with the reason."""


@cache
def product(service: str) -> Product:
    return Product(service)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("process", ["api", "worker", "owner"])
async def test_statements_are_valid_and_permitted(service: str, process: str, plane: DataPlane, migrated: str) -> None:
    used = [each for each in product(service).statements() if process in product(service).processes(each)]
    assert len(used) > 3
    role = f"{service}_{process}"
    url = plane.dsn_direct(migrated, f"{service}_migrate" if process == "owner" else role)
    async with connected(url) as connection:
        if process == "owner":
            await connection.execute(f"SET ROLE {role}")
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        refused = [f"{each}: {reason}" for each in used if (reason := await refusal(connection, each))]
    assert refused == []


async def refusal(connection: Connection, statement: Statement) -> str | None:
    """Return why the database does not take a statement. EXPLAIN asks for rights, PREPARE alone does not."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(f"PREPARE checked AS {statement.sql}")
        places = await connection.fetchval("SELECT cardinality(parameter_types) FROM pg_prepared_statements")
        await connection.execute(f"EXPLAIN EXECUTE checked{f' ({", ".join(["NULL"] * places)})' if places else ''}")
    except asyncpg.UndefinedTableError as error:
        return None if f"{statement.module}.{statement.holder}" in NOT_EVERYWHERE else str(error)
    except asyncpg.PostgresError as error:
        return str(error)
    finally:
        await transaction.rollback()
        await connection.execute("DEALLOCATE ALL")
    return None


def test_every_statement_has_a_user() -> None:
    everywhere = [(product(service), each) for service in SERVICES for each in product(service).statements()]
    used = {str(each) for known, each in everywhere if known.processes(each)}
    assert {str(each) for _, each in everywhere} - used - {*UNUSED} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_sql_is_a_literal(service: str) -> None:
    assert product(service).unreadable() == []
