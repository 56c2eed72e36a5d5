"""The services' interfaces as their OpenAPI documents describe them, made without a server."""

from functools import cache
from typing import Any, Final

import msgspec
import pytest
from catalogue_data import SERVICES

from carbot_core.web import openapi
from carbot_core.web.app import create_app, route_names
from carbot_core.web.examples import resolve
from carbot_testing.running import service

VERSION: Final = "test"

type Document = dict[str, Any]


class Operation(msgspec.Struct, frozen=True):
    """A route and method, with what the document says of it."""

    service: str
    method: str
    path: str
    text: Document

    @property
    def id(self) -> str:
        operation_id: str = self.text["operationId"]
        return operation_id

    @property
    def scope(self) -> str | None:
        return self.text.get("x-scope")

    def parameters(self, place: str) -> dict[str, Document]:
        """Return the schemas of the parameters in path, query or header."""
        return {p["name"]: p["schema"] for p in self.text.get("parameters", ()) if p["in"] == place}

    def body(self) -> Document | None:
        """Return the content of the request's body: schema and example."""
        return self.text.get("requestBody", {}).get("content", {}).get("application/json")


@cache
def document(name: str) -> Document:
    """Return a service's document."""
    app = create_app(name, service(name).routers, {}, VERSION)
    read: Document = msgspec.json.decode(openapi.document(app))
    return read


@cache
def routes(name: str) -> dict[str, str | None]:
    """Return a service's routes as `METHOD /path` with their scopes."""
    return route_names(create_app(name, service(name).routers, {}, VERSION))


def operations() -> list[Operation]:
    """Return every operation of every service."""
    return [
        Operation(name, method.upper(), path, text)
        for name in SERVICES
        for path, item in document(name)["paths"].items()
        for method, text in item.items()
    ]


def named(found: list[Operation]) -> Any:
    """Return the mark that asks a test of each operation, named service-operation."""
    return pytest.mark.parametrize("operation", found, ids=[f"{each.service}-{each.id}" for each in found])


def is_id(operation: Operation, schema: Document) -> bool:
    """Tell whether a value, or each of a list, is a UUID."""
    schema = resolve(schema, document(operation.service)["components"]["schemas"])
    return schema.get("format") == "uuid" or ("items" in schema and is_id(operation, schema["items"]))


def ids_in_body(operation: Operation) -> list[str]:
    """Return the members of the body, on its first level, that are ids."""
    body = operation.body()
    if body is None:
        return []
    schema = resolve(body["schema"], document(operation.service)["components"]["schemas"])
    return [name for name, member in schema.get("properties", {}).items() if is_id(operation, member)]


def ids_in_query(operation: Operation) -> list[str]:
    """Return the query's parameters that are ids."""
    return [name for name, schema in operation.parameters("query").items() if is_id(operation, schema)]
