"""The interfaces are described whole, with examples that hold; each change of them shows in the diff."""

import os
import re
from collections import Counter
from pathlib import Path
from typing import Final

import jsonschema_rs
import msgspec
import pytest
from catalogue_data import SERVICES
from interface import Document, Operation, document, operations

SNAPSHOTS: Final = Path(__file__).with_name("openapi")
OPERATIONS: Final = operations()
EXPECTED: Final = {"400", "422", "429", "503"}
GUARDED: Final = EXPECTED | {"401", "403", "404"}

each_operation = pytest.mark.parametrize(
    "operation", OPERATIONS, ids=[f"{each.service}-{each.id}" for each in OPERATIONS]
)


@pytest.mark.parametrize("service", SERVICES)
def test_interface_is_as_it_was(service: str) -> None:
    path = SNAPSHOTS / f"{service}.json"
    now = msgspec.json.format(msgspec.json.encode(document(service), order="sorted"), indent=1).decode() + "\n"
    if os.environ.get("CARBOT_WRITE_SNAPSHOTS"):
        path.write_text(now)
    # `make snapshots` writes it: read the diff.
    assert path.read_text().splitlines() == now.splitlines()


@pytest.mark.parametrize("service", SERVICES)
def test_operation_ids_are_unique(service: str) -> None:
    counted = Counter(operation.id for operation in OPERATIONS if operation.service == service)
    assert {name for name, count in counted.items() if count > 1} == set()


@each_operation
def test_operation_is_described(operation: Operation) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", operation.id)
    assert len(operation.text["summary"]) > len("Read it.")
    assert operation.text["summary"] != operation.id
    assert operation.text["responses"].keys() >= (GUARDED if operation.scope else EXPECTED)


@each_operation
def test_refusals_name_their_codes(operation: Operation) -> None:
    refusals = {status: each for status, each in operation.text["responses"].items() if status >= "400"}
    assert refusals
    for status, refusal in refusals.items():
        assert "application/problem+json" in refusal["content"], status
        assert re.match(r"`[a-z_]+`", refusal["description"]), (status, refusal["description"])


@each_operation
def test_examples_are_there_and_hold(operation: Operation) -> None:
    found = list(_contents(operation))
    found += [p for p in operation.text.get("parameters", ()) if p["in"] == "path"]
    for content in found:
        schema = {**content["schema"], "components": document(operation.service)["components"]}
        jsonschema_rs.validator_for(schema).validate(content["example"])
    answers = operation.text["responses"]
    answers_with_nothing = {"202", "204"} & answers.keys()
    answers_with_text = {"text/csv", "text/event-stream"} & answers.get("200", {}).get("content", {}).keys()
    assert found or answers_with_nothing or answers_with_text


def _contents(operation: Operation) -> list[Document]:
    bodies = [operation.text.get("requestBody", {})]
    bodies += [each for status, each in operation.text["responses"].items() if status < "300"]
    return [body["content"]["application/json"] for body in bodies if "application/json" in body.get("content", {})]
