"""`python -m tests.perf.crm.plans`: run crm's tests in a database that is full, and end with status 1 if a plan reads a large table whole.

The tests run every statement of crm as it is run, by its own roles; PostgreSQL's auto_explain notes each plan.
"""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import rich_click as click
import uvloop
from rich.console import Console
from rich.markup import escape

from carbot_local.database import connected
from carbot_local.layout import REPOSITORY
from carbot_testing.data_plane import DataPlane
from carbot_testing.plugin import ATTACHED, TEMPLATE
from carbot_testing.running import build_template
from tests.perf.crm import town

TESTS: Final = ("tests/services/crm", "tests/contract/test_isolation.py")
_ROLES: Final = {"crm_api", "crm_worker"}
LARGE: Final = 1_000
"""Rows."""
_SETTINGS: Final = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_format": "json",
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_filename": "plans",
    "log_rotation_size": "0",
}
_SPACES: Final = re.compile(r"\s+")
console = Console(highlight=False, soft_wrap=True)


class Finding(msgspec.Struct, frozen=True):
    """A statement that reads a table whole."""

    role: str
    table: str
    sql: str


@click.command()
@click.option("--seed", default=1, show_default=True)
def main(*, seed: int) -> None:
    """Look at the plan of every statement at volume."""
    with _plane() as plane:
        large = uvloop.run(_fill(plane, seed))
        status = subprocess.run(
            [sys.executable, "-m", "pytest", *TESTS, "-q", "-p", "no:cacheprovider", "--show-capture=no"],
            cwd=REPOSITORY,
            env={**os.environ, ATTACHED: plane.describe()},
            check=False,
        ).returncode
        folder = Path(msgspec.json.decode(plane.describe())["folder"])
        seen, found = _read(folder, large)
    for finding, times in sorted(found.items(), key=lambda each: (each[0].table, each[0].sql)):
        console.print(f"[bold]{finding.table}[/] is read whole by {finding.role}, {times} times: {escape(finding.sql)}")
    console.print(f"{seen:,} plans of {len(large)} large tables, {len(found)} that read one whole")
    sys.exit(1 if found or status or not seen else 0)


@contextmanager
def _plane() -> Generator[DataPlane]:
    plane = DataPlane.start(settings=_SETTINGS)
    try:
        yield plane
    finally:
        plane.stop()


async def _fill(plane: DataPlane, seed: int) -> frozenset[str]:
    """Fill the template; return its large tables."""
    await build_template(plane, TEMPLATE)
    async with connected(plane.dsn_superuser(TEMPLATE)) as connection:
        await town.open_past_months(connection)
        for quarter in (town.LARGEST, town.OTHERS):
            await town.load(connection, quarter, seed=seed)
        await town.come_to_rest(connection)
        rows = await connection.fetch(
            """
            SELECT relname AS name
            FROM pg_class
            WHERE relnamespace = 'crm'::regnamespace AND relkind = 'r' AND reltuples >= $1
            """,
            LARGE,
        )
    return frozenset(row["name"] for row in rows)


def _read(folder: Path, large: frozenset[str]) -> tuple[int, dict[Finding, int]]:
    """Return how many plans of large tables crm's roles had, and those that read one whole."""
    seen, found = 0, defaultdict[Finding, int](int)
    for log in folder.glob("*/log/plans*.json"):
        with log.open(encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                _, plan, explained = entry.get("message", "").partition("plan:\n")
                if not plan or entry.get("user") not in _ROLES:
                    continue
                told = json.loads(explained)
                nodes = list(_nodes(told["Plan"]))
                seen += any(node.get("Relation Name") in large for node in nodes)
                for node in nodes:
                    if _is_whole(node) and node["Relation Name"] in large:
                        sql = _SPACES.sub(" ", told["Query Text"]).strip()
                        found[Finding(entry["user"], node["Relation Name"], sql[:400])] += 1
    return seen, dict(found)


def _nodes(plan: dict[str, Any]) -> Generator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from _nodes(below)


def _is_whole(node: dict[str, Any]) -> bool:
    """Tell whether a node reads a table, or an index, from its beginning to its end."""
    kind = node["Node Type"]
    return kind == "Seq Scan" or (kind in {"Index Scan", "Index Only Scan"} and "Index Cond" not in node)


if __name__ == "__main__":
    main()
