"""Logs tell what failed and where, and never what somebody wrote."""

import json
import subprocess
import sys
from typing import Any

import asyncpg
import pytest

from carbot_core.errors import FieldError, Invalid
from carbot_core.logs import describe

CANARY = "Kanarienvogel"

PROGRAM = f"""
import asyncio, gc, logging, structlog
from carbot_core import logs
logs.start("crm", "api")
log = structlog.get_logger()
try:
    try:
        raise ValueError("{CANARY}")
    except ValueError as error:
        raise RuntimeError("{CANARY} again") from error
except RuntimeError as fault:
    log.error("fault", fault=fault)
    logging.getLogger("library").exception("it failed for %s", "{CANARY}")
logging.getLogger("library").warning("%s wrote %(a)s", {{"a": "{CANARY}"}})
logging.getLogger("library").warning("first line\\n{CANARY}")
logging.getLogger("nats").info("noise")

async def lose():
    async def fail():
        raise ValueError("{CANARY} in a task")
    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    gc.collect()
    asyncio.get_running_loop().call_exception_handler({{"message": "a callback failed", "exception": KeyError("{CANARY}")}})

asyncio.run(lose())
"""


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True, text=True)
    assert ended.stderr == ""
    assert CANARY not in ended.stdout
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_every_line_is_json_and_says_who_wrote_it(lines: list[dict[str, Any]]) -> None:
    assert len(lines) == 6
    for line in lines:
        assert (line["service"], line["process"]) == ("crm", "api")
        assert {"event", "level", "timestamp"} <= set(line)


def test_fault_is_named_by_its_kinds_and_its_frames(lines: list[dict[str, Any]]) -> None:
    fault = lines[0]
    assert fault["fault"] == ["builtins.RuntimeError", "builtins.ValueError"]
    assert fault["frames"]


def test_library_s_line_is_its_template(lines: list[dict[str, Any]]) -> None:
    assert [line["event"] for line in lines[1:4]] == ["it failed for %s", "%s wrote %(a)s", "first line"]
    assert lines[1]["logger"] == "library"
    assert lines[1]["fault"]


def test_lost_task_is_told_without_its_exception(lines: list[dict[str, Any]]) -> None:
    assert [line["event"] for line in lines[4:]] == ["Task exception was never retrieved", "a callback failed"]
    assert lines[4]["fault"] == ["builtins.ValueError"]


class TestDescription:
    def test_of_a_refusal_has_its_code(self) -> None:
        class CannotBe(Invalid):
            """It cannot be."""

        found = describe(CannotBe(errors=(FieldError("/name", CANARY),)))
        assert found["fault"][0].endswith("CannotBe cannot_be")
        assert CANARY not in str(found)

    def test_of_a_database_error_has_its_state_and_no_values(self) -> None:
        error = asyncpg.PostgresError.new({"C": "23505", "M": CANARY, "D": f"Key (phone)=({CANARY}) already exists."})
        found = describe(error)
        assert found["fault"][0].endswith("UniqueViolationError 23505")
        assert CANARY not in str(found)
