"""Writes what the migrations make of each schema to its schema.sql: `python -m carbot_testing.schema --write`."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

from carbot_local import layout
from carbot_local.database import connected
from carbot_local.postgres import find
from carbot_testing.data_plane import DataPlane
from carbot_testing.running import build_template

_HEAD = "-- Generated from the migrations by `make snapshots`: the data model on one page. Never edited.\n"
_NOISE = re.compile(r"--.*|SET .*;|SELECT pg_catalog\.set_config\(.*|\\(?:un)?restrict .*")
_BODY = re.compile(r"AS (\$\w*\$)$")
_PARTITIONS = """
    SELECT format('%I.%I', namespace.nspname, child.relname)
    FROM pg_inherits
    JOIN pg_class child ON child.oid = pg_inherits.inhrelid AND child.relkind IN ('r', 'p')
    JOIN pg_namespace namespace ON namespace.oid = child.relnamespace
    WHERE namespace.nspname = $1
"""


def files() -> dict[str, Path]:
    """Return where each schema's page is."""
    pages = {service: layout.REPOSITORY / "services" / service / "schema.sql" for service in layout.SERVICES}
    return {"core": layout.REPOSITORY / "libs/core/sql/schema.sql", **pages}


async def dump(plane: DataPlane, database: str, schema: str) -> str:
    """Return a schema as SQL in a stable order, without owners, rights (tests/contract/grants.toml has them) and partitions."""
    url = plane.dsn_superuser(database)
    async with connected(url) as connection:
        partitions = [str(row[0]) for row in await connection.fetch(_PARTITIONS, schema)]
    command = [str(find("pg_dump")), "--schema-only", "--no-owner", "--no-privileges", f"--schema={schema}"]
    command += [f"--exclude-table={partition}" for partition in partitions]
    dumped = await asyncio.to_thread(subprocess.run, [*command, url], check=True, capture_output=True, text=True)
    return _HEAD + re.sub(r"\n{2,}", "\n\n", _without_noise(dumped.stdout))


def _without_noise(text: str) -> str:
    """Drop comments and settings of the session, but nothing inside a function's body."""
    lines: list[str] = []
    ends_with = ""
    for line in text.splitlines():
        if ends_with or not _NOISE.fullmatch(line):
            lines.append(line)
        if ends_with:
            ends_with = "" if ends_with in line else ends_with
        elif opening := _BODY.search(line):
            ends_with = opening[1]
    return "\n" + "\n".join(lines).strip("\n") + "\n"


async def _pages(plane: DataPlane) -> dict[Path, str]:
    await build_template(plane, "carbot_schema")
    return {path: await dump(plane, "carbot_schema", schema) for schema, path in files().items()}


def main() -> None:
    """Write the pages, or without --write print the names of those that differ and end with status 1."""
    plane = DataPlane.start()
    try:
        pages = asyncio.run(_pages(plane))
    finally:
        plane.stop()
    differing = {path: page for path, page in pages.items() if not path.exists() or path.read_text() != page}
    for path, page in differing.items():
        if "--write" in sys.argv:
            path.write_text(page)
        sys.stdout.write(f"{path.relative_to(layout.REPOSITORY)}\n")
    sys.exit(1 if differing and "--write" not in sys.argv else 0)


if __name__ == "__main__":
    main()
