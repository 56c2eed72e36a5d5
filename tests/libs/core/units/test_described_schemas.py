"""The OpenAPI document says exactly what a service takes: every field of every Struct, and nothing beside."""

from typing import Any

import msgspec
import pytest
from litestar import get
from litestar.routes import HTTPRoute

from carbot_core.errors import FieldError
from carbot_core.web.app import UnguardedRoute, create_app, route_names
from carbot_core.web.edge import Edge
from carbot_core.web.problems import Problem
from carbot_testing.running import client, services

NAMES = tuple(services())


async def document(edges: dict[str, Edge], name: str) -> dict[str, Any]:
    async with client(edges[name], name) as nobody:
        answer = await nobody.get(f"/api/{name}/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def bodies(edge: Edge) -> dict[str, type[msgspec.Struct]]:
    """Return the Structs that the service's routes decode bodies to."""
    found: dict[str, type[msgspec.Struct]] = {}
    for route in edge.app.routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            data = handler.parsed_fn_signature.parameters.get("data")
            if data is not None and isinstance(data.annotation, type) and issubclass(data.annotation, msgspec.Struct):
                found[data.annotation.__name__] = data.annotation
    return found


def fields(schema: dict[str, Any]) -> set[str]:
    return set(schema["properties"])


@pytest.mark.parametrize("name", NAMES)
async def test_bodies_are_closed_and_complete(name: str, edges: dict[str, Edge]) -> None:
    schemas = (await document(edges, name))["components"]["schemas"]
    taken = bodies(edges[name])
    assert taken or name not in {"crm", "tenancy"}
    for struct_name, struct in taken.items():
        schema = schemas[struct_name]
        assert fields(schema) == {field.encode_name for field in msgspec.structs.fields(struct)}
        assert set(schema.get("required", ())) == {
            field.encode_name for field in msgspec.structs.fields(struct) if field.required
        }
        assert schema["additionalProperties"] is False, struct_name


@pytest.mark.parametrize("name", NAMES)
async def test_problems_are_described(name: str, edges: dict[str, Edge]) -> None:
    described = await document(edges, name)
    schemas = described["components"]["schemas"]
    assert fields(schemas["Problem"]) == set(Problem.__struct_fields__)
    assert fields(schemas["FieldError"]) == set(FieldError.__struct_fields__)
    for path, item in described["paths"].items():
        for method, operation in item.items():
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert set(response["content"]) == {"application/problem+json"}, (method, path, status)


@pytest.mark.parametrize("name", NAMES)
async def test_references_lead_somewhere(name: str, edges: dict[str, Edge]) -> None:
    described = await document(edges, name)

    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set[str]()
            return own.union(*(references(value) for value in node.values()))
        return set[str]().union(*(references(value) for value in node)) if isinstance(node, list) else set()

    known = {f"#/components/schemas/{schema}" for schema in described["components"]["schemas"]}
    assert references(described) <= known


@pytest.mark.parametrize("name", NAMES)
async def test_operations_are_the_routes(name: str, edges: dict[str, Edge]) -> None:
    described = await document(edges, name)
    operations = {
        f"{method.upper()} {path.rstrip('/')}": operation.get("x-scope")
        for path, item in described["paths"].items()
        for method, operation in item.items()
    }
    routes = {route: scope for route, scope in route_names(edges[name].app).items() if "openapi" not in route}
    assert operations == {route: scope for route, scope in routes.items() if route in operations}
    assert {route for route in routes if route.split()[1].startswith(f"/api/{name}/")} <= set(operations)


def test_route_without_a_scope_is_refused_at_start() -> None:
    @get("/api/crm/v1/open")
    async def unguarded() -> None:
        """Answer anybody."""

    with pytest.raises(UnguardedRoute, match="GET /api/crm/v1/open"):
        create_app("crm", [unguarded], {}, "1")
