"""The app factory: every service's HTTP interface is made here, with the same rules."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from litestar import Litestar, MediaType, Response, Router, get
from litestar.datastructures import State
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.routes import HTTPRoute
from litestar.types import ControllerRouterHandler

from carbot_contracts.scopes import PUBLIC_ROUTES
from carbot_core.auth.guards import scope_of
from carbot_core.web import openapi
from carbot_core.web.body import StrictBody
from carbot_core.web.dependencies import PROVIDERS
from carbot_core.web.problems import render
from carbot_core.web.query import QUERY, Parameters, read_strictly
from carbot_core.web.response import EntityResponse

MAX_BODY_BYTES = 1024 * 1024
_BEGINS = {"tx", "guest"}
"""The dependencies that begin a transaction."""


class UnguardedRoute(RuntimeError):
    """A route neither names a scope nor stands in carbot_contracts.scopes.PUBLIC_ROUTES."""


def create_app(
    service: str, routers: Sequence[ControllerRouterHandler], state: dict[str, Any], version: str
) -> Litestar:
    """Return the application; raise UnguardedRoute."""

    @cache
    def described() -> bytes:
        return openapi.document(app)

    @get("/openapi.json", media_type=MediaType.JSON, include_in_schema=False)
    async def openapi_document() -> Response[bytes]:
        """Describe this interface."""
        return Response(described(), media_type=MediaType.JSON)

    app = Litestar(
        route_handlers=[Router(f"/api/{service}/v1", route_handlers=[openapi_document]), *routers],
        dependencies=PROVIDERS,
        dto=StrictBody,
        return_dto=None,
        response_class=EntityResponse,
        exception_handlers={Exception: render},
        before_request=read_strictly,
        request_max_body_size=MAX_BODY_BYTES,
        state=State(state),
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title=f"CarBot {service}",
            version=version,
            path=f"/internal/{service}/openapi",
            render_plugins=[JsonRenderPlugin()],
            operation_id_creator=lambda handler, _method, _path: handler.handler_name,
            components=Components(
                security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
            ),
            security=[{"bearer": []}],
        ),
        debug=False,
    )
    _refuse_unguarded(app)
    _resolve_in_order(app)
    _name_parameters(app)
    return app


def route_names(app: Litestar) -> dict[str, str | None]:
    """Return every route of the product's interface as `METHOD /path` with its scope, None where it names none."""
    return {
        f"{method} {route.path_format.rstrip('/')}": scope_of(handler)
        for route in app.routes
        if isinstance(route, HTTPRoute) and not route.path.startswith("/internal/")
        for handler in route.route_handlers
        for method in handler.http_methods
        if method != "OPTIONS"
    }


def _resolve_in_order(app: Litestar) -> None:
    """Let dependencies be provided one after the other, transactions last, so that only a request that is valid begins one.

    Litestar would provide them at once, each in a task of its own: if one refused, it would cancel the one that begins the
    transaction, which costs the connection.
    """
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for _, model in route.route_handler_map.values():
                model.dependency_batches = [
                    {dependency}
                    for batch in model.dependency_batches
                    for dependency in sorted(batch, key=lambda each: (each.key in _BEGINS, each.key))
                ]


def _name_parameters(app: Litestar) -> None:
    """Note at each route what a query may hold."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler, model in route.route_handler_map.values():
                handler.opt[QUERY] = Parameters.of(model.expected_query_params)


def _refuse_unguarded(app: Litestar) -> None:
    for name, scope in route_names(app).items():
        if scope is None and name not in PUBLIC_ROUTES:
            raise UnguardedRoute(name)
