"""The OpenAPI 3.1 document of a service, exact: the schemas are msgspec's own, as it decodes by them."""

from typing import Any

import msgspec
from litestar import Litestar
from litestar.routes import HTTPRoute

from carbot_core.auth.guards import PeopleOnly, RecentSignInRequired, Requires, guard_of
from carbot_core.errors import OrganizationSuspended
from carbot_core.web.examples import example_of
from carbot_core.web.problems import MEDIA_TYPE, Problem

_PROBLEM = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
_COMMON = {
    "401": "`unauthorized`: sign in first, or the access token is not valid.",
    "403": "`scope_missing`: your role does not include this.",
    "404": "`not_found`: there is no such thing, or it is not yours.",
    "422": "`invalid_request`, `invalid_query`, `invalid_body`: see errors.",
    "429": "`too_many_requests`: wait as long as Retry-After says.",
    "503": "`unavailable`: try again as Retry-After says.",
}

_OF_BODIES = {
    "408": "`body_too_slow`: the body did not arrive in time.",
    "413": "`body_too_large`: a body has a mebibyte at the most.",
    "415": "`unsupported_media_type`: send the body as application/json, in UTF-8 and not compressed.",
}


def document(app: Litestar) -> bytes:
    """Return the document as JSON."""
    schema: dict[str, Any] = app.openapi_schema.to_schema()
    structs = _structs(app)
    _, exact = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    components: dict[str, Any] = schema.setdefault("components", {}).setdefault("schemas", {})
    components.update({name: body for name, body in exact.items() if name in components or name == "Problem"})
    for path, item in schema.get("paths", {}).items():
        for method, operation in item.items():
            handler = _handler(app, path, method.upper())
            _complete(
                operation, method, guard_of(handler) if handler else None, handler.fn.__doc__ if handler else None
            )
            _limit_body(operation)
            _illustrate(operation, components)
    return msgspec.json.encode(schema)


def _complete(operation: dict[str, Any], method: str, guard: Requires | None, docstring: str | None) -> None:
    lines = [line.strip() for line in (docstring or "").strip().splitlines()]
    operation["summary"] = lines[0] if lines else operation["operationId"]
    if text := "\n".join(lines[1:]).strip():
        operation["description"] = text
    if guard is None:
        operation["security"] = []
    else:
        operation["x-scope"] = guard.scope
    responses: dict[str, Any] = operation["responses"]
    if MEDIA_TYPE not in responses.get("400", {}).get("content", {}):
        responses.pop("400", None)  # Litestar's own words
    common = (
        _guarded(guard, method)
        if guard
        else {status: text for status, text in _COMMON.items() if status not in {"401", "403", "404"}}
    )
    for status, text in {**common, "400": "`malformed_body`: the request cannot be read."}.items():
        own = f"{responses[status]['description']} " if status in responses else ""
        responses[status] = {**_PROBLEM, "description": own + text}


def _limit_body(operation: dict[str, Any]) -> None:
    """Name what is refused of a body before it is read."""
    if "requestBody" in operation:
        operation["responses"] |= {status: {**_PROBLEM, "description": text} for status, text in _OF_BODIES.items()}


def _guarded(guard: Requires, method: str) -> dict[str, str]:
    """Return what every route with such a guard may answer."""
    unauthorized, forbidden = _COMMON["401"], _COMMON["403"]
    if method != "get" and not guard.while_suspended:
        forbidden += f" `{OrganizationSuspended.code()}`: {OrganizationSuspended.sentence()}"
    if guard.max_age is not None:
        unauthorized += f" `{RecentSignInRequired.code()}`: {RecentSignInRequired.sentence()}"
        forbidden += f" `{PeopleOnly.code()}`: {PeopleOnly.sentence()}"
    return {**_COMMON, "401": unauthorized, "403": forbidden}


def _illustrate(operation: dict[str, Any], components: dict[str, Any]) -> None:
    """Give an example of every path parameter, body and answer that is JSON."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            parameter["example"] = example_of(parameter["schema"], components, parameter["name"])
    bodies = [
        operation.get("requestBody", {}),
        *(operation["responses"][s] for s in operation["responses"] if s < "300"),
    ]
    for body in bodies:
        for media_type, content in body.get("content", {}).items():
            if media_type == "application/json" and "schema" in content:
                content["example"] = example_of(content["schema"], components)


def _handler(app: Litestar, path: str, method: str) -> Any:
    for route in app.routes:
        if isinstance(route, HTTPRoute) and route.path_format.rstrip("/") == path.rstrip("/"):
            return next((handler for handler in route.route_handlers if method in handler.http_methods), None)
    return None


def _structs(app: Litestar) -> list[Any]:
    """Return every Struct that a route takes or gives."""
    found: dict[str, Any] = {Problem.__name__: Problem}
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            signature = handler.parsed_fn_signature
            body = signature.parameters.get("data")
            for field in [*([body] if body else []), signature.return_type]:
                # `raw` still has what Annotated adds, such as the mark of a body.
                for part in (field.annotation, *(inner.annotation for inner in field.inner_types)):
                    if isinstance(part, type) and issubclass(part, msgspec.Struct):
                        found[part.__name__] = part
    return list(found.values())
