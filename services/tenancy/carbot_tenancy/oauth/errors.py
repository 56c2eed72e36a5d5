"""Refusals of token requests: their member `error` is what RFC 6749, section 5.2, calls them."""

from typing import Any

from carbot_core.errors import Refusal, Unauthorized


class InvalidTokenRequest(Refusal):
    """The token request is malformed: send the parameters of RFC 6749, section 4.4, once each, as a form."""

    def __init__(self, **context: Any) -> None:
        super().__init__(public={"error": "invalid_request"}, **context)


class UnsupportedGrantType(Refusal):
    """The only grant type is client_credentials."""

    def __init__(self, **context: Any) -> None:
        super().__init__(public={"error": "unsupported_grant_type"}, **context)


class InvalidScope(Refusal):
    """Ask for scopes that the key has, separated by single spaces."""

    def __init__(self, **context: Any) -> None:
        super().__init__(public={"error": "invalid_scope"}, **context)


class InvalidClient(Unauthorized):
    """Show a secret key that is neither expired nor revoked, of an organisation that is open."""

    def __init__(self, **context: Any) -> None:
        challenge = 'Basic realm="carbot", charset="UTF-8"'
        super().__init__(public={"error": "invalid_client"}, headers={"WWW-Authenticate": challenge}, **context)
