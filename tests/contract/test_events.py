"""Events may only grow: what was ever published can be read, now and by those who come later."""

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from carbot_contracts.catalogue import EVENTS
from carbot_local.layout import REPOSITORY, SERVICES
from carbot_testing import catalogue
from carbot_testing.contracts import shrinkings

GOLDEN = sorted(catalogue.EXAMPLES.glob("*/*.json"))
SUBJECTS = sorted(EVENTS)


def golden_id(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


class TestExample:
    @pytest.mark.parametrize("path", GOLDEN, ids=golden_id)
    def test_decodes_for_ever(self, path: Path) -> None:
        said = msgspec.json.decode(path.read_bytes())
        event = msgspec.json.decode(path.read_bytes(), type=EVENTS[path.parent.name])
        understood = msgspec.json.decode(msgspec.json.encode(event))
        assert {name: understood[name] for name in said} == said, "a field is no longer understood"
        assert event.aggregate_id()

    @pytest.mark.parametrize("path", GOLDEN, ids=golden_id)
    def test_may_have_fields_from_the_future(self, path: Path) -> None:
        event = EVENTS[path.parent.name]
        said = msgspec.json.decode(path.read_bytes(), type=event)
        grown = msgspec.json.encode({**msgspec.json.decode(path.read_bytes()), "from_the_future": {"is": ["here"]}})
        assert msgspec.json.decode(grown, type=event) == said

    @pytest.mark.parametrize("subject", SUBJECTS)
    def test_is_there_with_every_field_and_without_every_optional_one(self, subject: str) -> None:
        said = [msgspec.json.decode(path.read_bytes()) for path in GOLDEN if path.parent.name == subject]
        fields = msgspec.structs.fields(EVENTS[subject])
        for field in fields:
            assert any(example.get(field.encode_name) is not None for example in said), field.name
            assert field.required or any(field.encode_name not in example for example in said), field.name

    def test_is_of_an_event_that_still_exists(self) -> None:
        kept = {path.parent.name for path in GOLDEN} | {path.stem for path in catalogue.SCHEMAS.glob("*.json")}
        assert kept == set(EVENTS)


class TestSubject:
    @pytest.mark.parametrize("subject", SUBJECTS)
    def test_names_its_service_a_thing_what_happened_and_a_version(self, subject: str) -> None:
        event = EVENTS[subject]
        assert re.fullmatch(rf"({'|'.join(SERVICES)})(\.[a-z_]+){{2}}\.v[1-9][0-9]*", subject)
        assert event.__module__ == f"carbot_contracts.{subject.partition('.')[0]}"
        assert event.aggregate in event.__struct_fields__


class TestSchema:
    @pytest.mark.parametrize("subject", SUBJECTS)
    def test_only_grew(self, subject: str) -> None:
        stored = catalogue.stored_schema(subject)
        assert stored is not None, "make snapshots"
        assert shrinkings(stored, catalogue.schema(EVENTS[subject])) == []


@pytest.mark.parametrize("path", sorted(catalogue.files()), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_what_is_generated_is_up_to_date(path: Path) -> None:
    assert path.exists(), "make snapshots"
    assert path.read_text("utf-8") == catalogue.files()[path], "make snapshots"


OLD: dict[str, Any] = {
    "$ref": "#/$defs/Thing",
    "$defs": {
        "Thing": {
            "type": "object",
            "properties": {
                "id": {"type": "string", "format": "uuid"},
                "name": {"type": "string", "maxLength": 80},
                "kind": {"enum": ["big", "small"]},
                "size": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}, "default": []},
            },
            "required": ["id", "name", "kind"],
        },
        "Part": {"type": "object", "properties": {"count": {"type": "integer", "minimum": 1}}, "required": ["count"]},
    },
}


class TestComparison:
    """The judge itself: it must see every way to shrink, and let everything grow."""

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            pytest.param("Thing.properties.name", None, id="a field is gone"),
            pytest.param("Thing.required", ["id", "name", "kind", "size"], id="an optional field is required"),
            pytest.param("Thing.required", ["id", "name"], id="a required field is optional"),
            pytest.param("Thing.properties.id.type", "integer", id="another type"),
            pytest.param("Thing.properties.id.format", "date-time", id="another format"),
            pytest.param("Thing.properties.name.maxLength", 79, id="shorter"),
            pytest.param("Thing.properties.name.pattern", "^a", id="a pattern"),
            pytest.param("Thing.properties.name", {"enum": ["one", "two"]}, id="any text to some"),
            pytest.param("Thing.properties.kind.enum", ["big"], id="a value is gone"),
            pytest.param("Thing.properties.size", {"type": "integer", "default": 0}, id="no longer null"),
            pytest.param(
                "Thing.properties.size.anyOf", [{"type": "string"}, {"type": "null"}], id="another alternative"
            ),
            pytest.param("Thing.additionalProperties", False, id="refuses unknown fields"),
            pytest.param("Part.properties.count.minimum", 2, id="a higher minimum inside"),
            pytest.param("Part.required", ["count", "colour"], id="newly required inside"),
            pytest.param("Thing.properties.parts.items", {"type": "string"}, id="other items"),
        ],
    )
    def test_sees_what_shrank(self, path: str, value: Any) -> None:
        assert shrinkings(OLD, changed(path, value)) != []

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            pytest.param("Thing.properties.colour", {"type": "string", "default": ""}, id="a new optional field"),
            pytest.param("Thing.properties.kind.enum", ["big", "medium", "small"], id="a new value"),
            pytest.param("Thing.properties.kind", {"type": "string"}, id="some text to any"),
            pytest.param("Thing.properties.name.maxLength", 200, id="longer"),
            pytest.param("Thing.properties.name", {"anyOf": [{"type": "string"}, {"type": "null"}]}, id="also null"),
            pytest.param("Part.properties.count.minimum", 0, id="a lower minimum inside"),
            pytest.param("Thing.description", "A thing.", id="other words"),
            pytest.param("Thing.properties.id", {"type": "string"}, id="any format"),
        ],
    )
    def test_lets_grow(self, path: str, value: Any) -> None:
        assert shrinkings(OLD, changed(path, value)) == []


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the old schema with another value at a place, or without it where the value is None."""
    new = deepcopy(OLD)
    *steps, last = path.split(".")
    inside = new["$defs"]
    for step in steps:
        inside = inside[step]
    if value is None:
        del inside[last]
        new["$defs"]["Thing"]["required"] = [name for name in new["$defs"]["Thing"]["required"] if name != last]
    else:
        inside[last] = value
    return new
