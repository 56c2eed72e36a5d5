"""Which role may ask which route: what the apis answer is what roles.toml says, so a widened role shows in the diff."""

import json
import os
import tomllib
from pathlib import Path
from typing import Final

import httpx
import pytest
from catalogue_data import SERVICES
from interface import Operation, operations
from resources import never
from sides import ROLES

from carbot_core.ids import new_id
from carbot_testing.plugin import Connect

MATRIX: Final = Path(__file__).with_name("roles.toml")
HEAD: Final = """\
# Which roles may ask a route; the others are refused by 403 scope_missing before anything is read.
# `make snapshots` writes it from what the apis answer: read the diff.
"""

type Rows = dict[str, list[str]]


@pytest.mark.parametrize("service", SERVICES)
async def test_each_route_refuses_every_role_that_is_not_listed(service: str, connect: Connect) -> None:
    answered: Rows = {}
    organization = new_id()
    clients = {role: connect(service, organization, role) for role in ROLES}
    for operation in operations():
        if operation.service == service and operation.scope is not None:
            admitted = [role for role, client in clients.items() if not await _is_refused(operation, client)]
            answered[f"{operation.method} {operation.path}"] = admitted
    if os.environ.get("CARBOT_WRITE_SNAPSHOTS"):
        _write(service, answered)
    assert _read().get(service) == answered, "make snapshots writes roles.toml: read the diff"


async def _is_refused(operation: Operation, client: httpx.AsyncClient) -> bool:
    path = operation.path.format(**{name: never() for name in operation.parameters("path")})
    answer = await client.request(operation.method, path)
    assert answer.status_code < 500, answer.text
    return answer.status_code == 403 and answer.json()["code"] == "scope_missing"


def _read() -> dict[str, Rows]:
    return tomllib.loads(MATRIX.read_text()) if MATRIX.exists() else {}


def _write(service: str, rows: Rows) -> None:
    whole = {**_read(), service: rows}
    text = HEAD
    for name in sorted(whole):
        text += f"\n[{name}]\n"
        text += "".join(f'"{route}" = {json.dumps(whole[name][route])}\n' for route in sorted(whole[name]))
    MATRIX.write_text(text)
