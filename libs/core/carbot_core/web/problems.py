"""Errors as RFC 9457 problem documents: one renderer for everything that can go wrong."""

from collections import defaultdict
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, InternalServerException, ValidationException
from litestar.openapi.datastructures import ResponseSpec

from carbot_core import telemetry
from carbot_core.db import TransactionConflict
from carbot_core.errors import FieldError, Refusal, explain
from carbot_core.web.exchange import Exchange, Replay

log = structlog.get_logger()


class ClientGone(Refusal):
    """The connection was closed before the body had arrived."""

    status = 400


MEDIA_TYPE = "application/problem+json"
_ROUTER_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 400: "malformed_request"}
_INTERNAL = 500


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong, after RFC 9457; `type` and `code` are stable."""

    type: str
    title: str
    status: int
    code: str
    trace_id: str
    errors: tuple[FieldError, ...] = ()


def describe(status: int, code: str, title: str, errors: tuple[FieldError, ...] = ()) -> Problem:
    return Problem(f"urn:carbot:problem:{code}", title, status, code, telemetry.trace_id(), errors)


def of_refusal(refusal: Refusal) -> dict[str, Any]:
    """Return the problem document of a refusal, with its own members."""
    problem = describe(refusal.status, refusal.code(), refusal.sentence(), refusal.errors)
    return {**msgspec.to_builtins(problem), **refusal.public}


def render(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Turn whatever was raised into the answer. Never SQL, a stack or anything personal."""
    exchange = Exchange.of(request.scope)
    if exchange.gone and isinstance(error, InternalServerException):
        # What Litestar raises where a body ends too early: nobody is there to be answered, and nothing is at fault.
        error = ClientGone()
    if isinstance(error, Replay):
        return Response(error.body, status_code=error.status, headers={**error.headers, "idempotent-replayed": "true"})
    if isinstance(error, Refusal):
        exchange.commits = error.commits
        exchange.retry = isinstance(error, TransactionConflict)
        if error.status >= _INTERNAL or error.context:
            log.info("refused", code=error.code(), status=error.status, **error.context)
        return Response(of_refusal(error), status_code=error.status, media_type=MEDIA_TYPE, headers=error.headers)
    if isinstance(error, ValidationException):
        errors = tuple(_parameter_error(extra) for extra in error.extra or ())  # pyright: ignore[reportUnknownVariableType, reportGeneralTypeIssues]
        return _problem(describe(422, "invalid_request", "A parameter is not valid: see errors.", errors))
    if isinstance(error, HTTPException) and error.status_code < _INTERNAL:
        code = _ROUTER_CODES.get(error.status_code, "request_refused")
        return _problem(describe(error.status_code, code, HTTPStatus(error.status_code).phrase), error.headers)
    log.error("fault", fault=error)
    return _problem(describe(_INTERNAL, "internal_error", "Something is wrong on our side; the trace id finds it."))


def _problem(problem: Problem, headers: dict[str, str] | None = None) -> Response[Any]:
    return Response(problem, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def _parameter_error(extra: Any) -> FieldError:
    key = str(extra.get("key", ""))
    if key == "data":
        return FieldError("", "Send a body")
    return FieldError(key, explain(str(extra.get("message", ""))))


def problems(*refusals: type[Refusal]) -> dict[int, ResponseSpec]:
    """Return the `responses` of a route that may refuse so."""
    by_status: dict[int, list[type[Refusal]]] = defaultdict(list)
    for refusal in refusals:
        by_status[refusal.status].append(refusal)
    return {
        status: ResponseSpec(
            Problem,
            description=" ".join(f"`{refusal.code()}`: {refusal.sentence()}" for refusal in group),
            media_type=MEDIA_TYPE,
            generate_examples=False,
        )
        for status, group in by_status.items()
    }
