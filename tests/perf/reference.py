"""The same transactions without the service: what it sends to the database, replayed by pgbench through the same pooler."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString, cast
from uuid import UUID

from carbot_core.context import Context
from carbot_core.db import Database, Tx
from carbot_core.reading import Reading, in_context
from carbot_crm.leads import actions, queries
from carbot_local import postgres
from carbot_testing.running import Place
from tests.perf import tenants
from tests.perf.requests import PAGE, new_lead
from tests.perf.volume import Volume

_NUMBER = tenants.FIRST
_PHONE = 12_345_678


class Recording:
    """A transaction that passes everything on and keeps what it was asked."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.statements: list[tuple[LiteralString, tuple[object, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        passed_on = getattr(self._tx, name)
        if name not in {"first", "one", "all", "value", "execute"}:
            return passed_on

        def call(*arguments: Any) -> Any:
            sql, values = (arguments[0], arguments[1:]) if name == "execute" else (arguments[1], arguments[2:])
            self.statements.append((sql, values))
            return passed_on(*arguments)

        return call


async def record_list(place: Place) -> str:
    """Return the script of pgbench that lists leads as the service does: one statement with its context."""
    async with Database.connect(place.plane.dsn(place.database, "crm_api")) as database:
        recording = Recording(Reading(database, _context()))
        everything: dict[str, Any] = dict.fromkeys(("status", "workshop_id", "assigned_to", "after"))
        await queries.list_leads(cast("Tx", recording), **everything, limit=PAGE + 1)
    return _script(
        [
            _inlined(in_context(sql, len(values)), (*values, *_context().settings()))
            for sql, values in recording.statements
        ]
    )


async def record_creation(place: Place) -> str:
    """Return the script of pgbench that creates a lead as the service does."""
    async with Database.connect(place.plane.dsn(place.database, "crm_api")) as database:
        tx = await database.begin(_context())
        recording = Recording(tx)
        lead = new_lead(tenants.workshop(_NUMBER), _PHONE)
        await actions.take_lead(cast("Tx", recording), lead, queries.Origin(), datetime.now(UTC))
        await tx.rollback()
    # What begins a transaction goes in one round trip, as the service sends it.
    begin = _context().begin(read_only=False, replay=None).replace(";", "\\;")
    return _script([begin, *(_inlined(sql, values) for sql, values in recording.statements), "COMMIT"])


async def run(script: str, volume: Volume, *, dsn: str, folder: Path) -> float:
    """Run the script for one round on this database; return transactions per second."""
    path = folder / "pgbench.sql"
    path.write_text(_choose(volume) + script)
    process = await asyncio.create_subprocess_exec(
        *(str(postgres.find("pgbench")), "-n", "-M", "simple", "-f", str(path), "-c", str(volume.connections)),
        *("-T", str(max(round(volume.round_seconds), 1)), dsn),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    found = re.search(r"tps = ([0-9.]+)", output)
    if process.returncode or found is None or "number of failed transactions: 0 " not in output:
        raise RuntimeError(f"pgbench failed: {output}")
    return float(found[1])


def _context() -> Context:
    zeros = UUID(int=0)
    return Context(
        organization_id=tenants.organization(_NUMBER),
        user_id=tenants.user(_NUMBER),
        actor="user",
        actor_id=tenants.user(_NUMBER),
        request_id=zeros,
        trace_id=zeros.hex,
    )


def _choose(volume: Volume) -> str:
    last = tenants.FIRST + volume.organizations - 1
    return (
        f"\\set number CASE WHEN random(1, 100) <= {volume.largest_share}"
        f" THEN {tenants.FIRST} ELSE random({tenants.FIRST + 1}, {last}) END\n"
        "\\set phone random(50000000, 99999999)\n"
    )


def _script(sent: list[str]) -> str:
    text = "".join(f"{statement.strip()};\n" for statement in sent)
    for prefix in (tenants.ORGANIZATION, tenants.WORKSHOP, tenants.USER):
        text = text.replace(f"{prefix}{_NUMBER}", f"{prefix}:number")
    text = text.replace(str(_PHONE), ":phone")
    return _with_new_ids(text)


def _with_new_ids(text: str) -> str:
    """Let every id that the service made anew be made anew in each transaction."""
    made = dict.fromkeys(re.findall(r"'([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})'", text))
    head = ""
    for index, each in enumerate(made):
        if UUID(each).int:
            head += f"\\set id{index} random(100000000000, 999999999999)\n"
            text = text.replace(each, f"{each[:24]}:id{index}")
    return head + text


def _inlined(sql: LiteralString | str, values: tuple[object, ...]) -> str:
    return re.sub(r"\$(\d+)", lambda match: _literal(values[int(match[1]) - 1]), sql)


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int):
        return str(value)
    if isinstance(value, list):
        elements = cast("list[object]", value)
        return f"ARRAY[{', '.join(map(_literal, elements))}]"
    if isinstance(value, timedelta):
        return f"'{value.total_seconds()} seconds'"
    if isinstance(value, bytes):
        return f"convert_to({_literal(value.decode())}, 'UTF8')"
    return "'" + str(value).replace("'", "''") + "'"
