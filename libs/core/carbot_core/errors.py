"""Refusals. A class beside the code that raises it says everything: kind, public sentence, code."""

import re
from typing import Any, ClassVar

import msgspec

_QUOTED = re.compile(r"^(Invalid (?:enum )?value) .*$", re.DOTALL)
_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field: a JSON pointer into the body (RFC 6901), or a parameter's name, and a sentence."""

    pointer: str
    message: str


def explain(finding: str) -> str:
    """Return msgspec's sentence without what it quotes of the request: a pattern says little, a value may be personal."""
    if finding.startswith("Expected `str` matching regex"):
        return "Has not the form that is expected, see the schema"
    return _QUOTED.sub(r"\1", finding)


class Refusal(Exception):
    """The request cannot be done.

    The first line of a subclass's docstring is the public sentence, its name in snake case the stable code. `public` adds
    members to the problem document, `headers` to the answer; `context` is for the log and must hold nothing personal.
    """

    status: ClassVar[int] = 400
    commits: ClassVar[bool] = False
    """Whether the transaction is kept although the request is refused: a failed sign-in must be counted."""

    def __init__(
        self,
        *,
        errors: tuple[FieldError, ...] = (),
        public: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        **context: object,
    ) -> None:
        super().__init__(self.code())
        self.errors = errors
        self.public = public or {}
        self.headers = headers or {}
        self.context = context

    @classmethod
    def code(cls) -> str:
        return _WORD_START.sub("_", cls.__name__).lower()

    @classmethod
    def sentence(cls) -> str:
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]


class Invalid(Refusal):
    """The request is not valid."""

    status = 422


class Unauthorized(Refusal):
    """Sign in first: the request carries no valid credentials."""

    status = 401

    def __init__(self, *, headers: dict[str, str] | None = None, **context: Any) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer", **(headers or {})}, **context)


class Forbidden(Refusal):
    """You may not do this."""

    status = 403


class OrganizationSuspended(Forbidden):
    """Your organisation is suspended: everything can be read, nothing changed, until what is open is settled."""


class NotFound(Refusal):
    """There is no such thing."""

    status = 404


class Conflict(Refusal):
    """The state of the resource does not allow this."""

    status = 409


class PreconditionFailed(Refusal):
    """The resource has changed since you read it: read it again."""

    status = 412


class PreconditionRequired(Refusal):
    """Send If-Match with the entity tag that you read, so that no change is lost."""

    status = 428


class TooManyRequests(Refusal):
    """Too many requests: wait as long as Retry-After says."""

    status = 429


class Unavailable(Refusal):
    """The service cannot answer now: try again."""

    status = 503

    def __init__(self, *, headers: dict[str, str] | None = None, **context: Any) -> None:
        super().__init__(headers={"Retry-After": "1", **(headers or {})}, **context)


class DatabaseUnavailable(Unavailable):
    """The database cannot answer now: try again with the same Idempotency-Key."""
