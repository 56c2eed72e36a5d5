"""Examples for the OpenAPI document: made from a schema, and valid against it."""

import hashlib
import re
from typing import Any
from uuid import UUID

_DEEPEST = 8
_FORMATS = {
    "date-time": "2026-03-02T09:30:00+01:00",
    "date": "2026-03-02",
    "time": "09:30:00",
    "duration": "PT1H",
    "byte": "Y2FyYm90",
    "decimal": "1.5",
}
_WORDS = {
    "name": "Ayşe Demir",
    "email": "ayse@example.org",
    "phone": "+4930901820",
    "address": "Torstraße 1",
    "city": "Berlin",
    "next_cursor": "kJ3f0a",
}
_CANDIDATES = (
    "Ayşe Demir",
    "ayse@example.org",
    "+4930901820",
    "https://example.org",
    "10115",
    "DE",
    "DEU",
    "DE-BE",
    "de",
    "DE136695976",
    "WVWZZZ1KZAW123456",
    "0603",
    "ADR",
    "Europe/Berlin",
    "example",
    "1",
    "123456",
    "a" * 43,
    "0123456789abcdef0123456789abcdef",
)
"""Tried in this order where a pattern must hold and the type gives no example of its own."""

type Schema = dict[str, Any]


def example_of(schema: Schema, components: Schema, name: str = "", depth: int = 0) -> Any:
    """Return a value that the schema admits; `name` is the property's, which makes ids and texts differ.

    A type whose pattern no candidate fits gives its own: `msgspec.Meta(examples=[...])`.
    """
    schema = resolve(schema, components)
    given = [*schema.get("examples", ()), *_fixed(schema), *schema.get("enum", ())]
    if given:
        return next((value for value in given if value is not None), None)
    kind = _kind(schema)
    if kind == "object":
        properties: Schema = schema.get("properties", {}) if depth < _DEEPEST else {}
        return {key: example_of(value, components, key, depth + 1) for key, value in properties.items()}
    if kind == "array":
        return [example_of(schema["items"], components, name, depth + 1)] if depth < _DEEPEST else []
    if kind == "string":
        return _text(schema, name)
    return _number(schema) if kind in {"integer", "number"} else {"boolean": True}.get(kind or "")


def _fixed(schema: Schema) -> list[Any]:
    default = schema.get("default")
    return [schema["const"]] if "const" in schema else [default] if isinstance(default, str | int) else []


def resolve(schema: Schema, components: Schema) -> Schema:
    """Follow references, and of alternatives take the first that is not null."""
    while True:
        alternatives = schema.get("oneOf") or schema.get("anyOf")
        if "$ref" in schema:
            schema = components[schema["$ref"].rpartition("/")[2]]
        elif alternatives:
            chosen = next((each for each in alternatives if each.get("type") != "null"), alternatives[0])
            schema = {key: value for key, value in schema.items() if key not in {"oneOf", "anyOf"}} | chosen
        else:
            return schema


def _kind(schema: Schema) -> str | None:
    kind: str | list[str] | None = schema.get("type")
    if isinstance(kind, list):
        return next((each for each in kind if each != "null"), "null")
    return kind


def _text(schema: Schema, name: str) -> str:
    if schema.get("format") == "uuid":
        return str(UUID("0195a6e2-7c1f-7000-8000-" + hashlib.sha256(name.encode()).hexdigest()[:12]))
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    if name.endswith("_at"):
        return _FORMATS["date-time"]
    words = _WORDS.get(name) or (name or "text").replace("_", " ").capitalize()
    return next((text for text in (words, *_CANDIDATES) if _fits(text, schema)), words)


def _fits(text: str, schema: Schema) -> bool:
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", len(text))
    return shortest <= len(text) <= longest and re.search(schema.get("pattern", ""), text) is not None


def _number(schema: Schema) -> int | float:
    at_least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    at_most = schema.get("maximum", schema.get("exclusiveMaximum", at_least + 2) - 1)
    return min(max(1, at_least), at_most)
