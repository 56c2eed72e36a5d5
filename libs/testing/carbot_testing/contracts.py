"""Whether a JSON Schema has only grown: whatever the old one allowed, the new one must read, and nothing may be missing from it.

It knows the words that msgspec writes, and calls every other difference a narrowing.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

type Schema = Mapping[str, Any]

_WORDS_OF_PEOPLE = frozenset({"title", "description", "default", "examples", "x-personal"})
_LOWER_BOUNDS = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_UPPER_BOUNDS = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_HANDLED = (
    _WORDS_OF_PEOPLE
    | _LOWER_BOUNDS
    | _UPPER_BOUNDS
    | {"$ref", "$defs", "anyOf", "type", "enum", "const", "properties", "required", "items", "additionalProperties"}
)


def shrinkings(old: Schema, new: Schema) -> list[str]:
    """Return how a schema is less than it was, a sentence each; none if it only grew."""
    return list(_compare(_Side(old, old), _Side(new, new), ""))


class _Side:
    """A schema inside the document that holds its definitions."""

    def __init__(self, schema: Schema, document: Schema) -> None:
        self.document = document
        self.schema = schema
        while "$ref" in self.schema:
            self.schema = document["$defs"][self.schema["$ref"].rpartition("/")[2]]

    def inner(self, schema: Schema) -> "_Side":
        return _Side(schema, self.document)

    def alternatives(self) -> "list[_Side]":
        """Return what the schema allows, one by one: its alternatives, its values, or itself."""
        if "anyOf" in self.schema:
            return [deeper for each in self.schema["anyOf"] for deeper in self.inner(each).alternatives()]
        if "enum" in self.schema:
            return [self.inner({"const": value}) for value in self.schema["enum"]]
        return [self]


def _compare(old: _Side, new: _Side, place: str) -> Iterator[str]:
    before, after = old.alternatives(), new.alternatives()
    if len(before) == len(after) == 1:
        yield from _compare_one(before[0], after[0], place)
        return
    for each in before:
        if all(any(_compare_one(each, other, place)) for other in after):
            allowed = each.schema.get("const", each.schema.get("type", "something"))
            yield f"{place or '/'} no longer allows {allowed}"


def _compare_one(old: _Side, new: _Side, place: str) -> Iterator[str]:
    was, now = old.schema, new.schema
    if "const" in was and "const" not in now:
        if now.get("type", "string") != "string" or not isinstance(was["const"], str):
            yield f"{place or '/'} no longer allows {was['const']}"
    elif "const" in now and was.get("const", ...) != now["const"]:
        yield f"{place or '/'} now allows only {now['const']}"
    elif "type" in now and was.get("type") != now["type"]:
        yield f"{place or '/'} was {was.get('type', 'anything')} and is {now['type']}"
    yield from _compare_bounds(was, now, place)
    for word in sorted((was.keys() | now.keys()) - _HANDLED):
        if word in now and was.get(word, ...) != now[word] and "const" not in was:
            yield f"{place or '/'} has another {word}"
    yield from _compare_fields(old, new, place)
    if isinstance(was.get("items"), Mapping) and isinstance(now.get("items"), Mapping):
        yield from _compare(old.inner(was["items"]), new.inner(now["items"]), f"{place}/*")
    extra_was, extra_now = was.get("additionalProperties", True), now.get("additionalProperties", True)
    if isinstance(extra_was, Mapping) and isinstance(extra_now, Mapping):
        yield from _compare(old.inner(extra_was), new.inner(extra_now), f"{place}/*")
    elif extra_now is not True and extra_was != extra_now:
        yield f"{place or '/'} now refuses fields that it does not know"


def _compare_bounds(was: Schema, now: Schema, place: str) -> Iterator[str]:
    bounds: tuple[tuple[frozenset[str], Callable[[float, float], bool]], ...] = (
        (_LOWER_BOUNDS, lambda old, new: new > old),
        (_UPPER_BOUNDS, lambda old, new: new < old),
    )
    for words, tighter in bounds:
        for word in sorted(words & now.keys()):
            if word not in was or tighter(was[word], now[word]):
                yield f"{place or '/'} has a tighter {word}"


def _compare_fields(old: _Side, new: _Side, place: str) -> Iterator[str]:
    was: Schema = old.schema.get("properties", {})
    now: Schema = new.schema.get("properties", {})
    needed_was, needed_now = set(old.schema.get("required", ())), set(new.schema.get("required", ()))
    for name in sorted(was.keys() - now.keys()):
        yield f"{place}/{name} is gone"
    for name in sorted(needed_now - needed_was):
        yield f"{place}/{name} is required, and events without it have been published"
    for name in sorted((needed_was - needed_now) & now.keys()):
        yield f"{place}/{name} is no longer required, and there are consumers that need it"
    for name in sorted(was.keys() & now.keys()):
        yield from _compare(old.inner(was[name]), new.inner(now[name]), f"{place}/{name}")
