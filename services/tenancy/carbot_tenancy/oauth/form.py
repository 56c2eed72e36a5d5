"""Reading token requests: the form, and who the client says it is."""

import base64
from typing import Any, override
from urllib.parse import unquote_plus

import msgspec
from litestar import Request

from carbot_core.web.body import StrictBody
from carbot_tenancy.oauth.errors import InvalidClient, InvalidTokenRequest
from carbot_tenancy.oauth.models import Client, TokenRequest

_MEDIA_TYPE = "application/x-www-form-urlencoded"
_LONGEST_HEADER = 1000


class TokenForm(StrictBody):
    """Decodes the form; a parameter that is empty counts as left out, an unknown one is ignored (RFC 6749, section 3.2)."""

    @override
    def decode_builtins(self, value: dict[str, Any]) -> TokenRequest:
        content_type = self.asgi_connection.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != _MEDIA_TYPE:
            raise InvalidTokenRequest(reason="media type")
        # A parameter that is sent twice comes as a list, which no field is.
        known = {name: value[name] for name in TokenRequest.__struct_fields__ if value.get(name)}
        try:
            return msgspec.convert(known, TokenRequest)
        except msgspec.ValidationError as error:
            raise InvalidTokenRequest(reason="form") from error


def read_client(request: Request[Any, Any, Any], form: TokenRequest) -> Client:
    """Return the credentials of the header or of the form; raise InvalidClient without any, InvalidTokenRequest with both."""
    headers = request.headers.getall("authorization", [])
    if not headers:
        if form.client_secret is None:
            raise InvalidClient(reason="no credentials")
        return Client(form.client_id or "", form.client_secret)
    if form.client_secret is not None:
        raise InvalidTokenRequest(reason="credentials in two places")
    client = _read_basic(headers[0]) if len(headers) == 1 else None
    if client is None:
        raise InvalidClient(reason="no single Basic header")
    if form.client_id is not None and form.client_id != client.id:
        raise InvalidTokenRequest(reason="two clients")
    return client


def _read_basic(header: str) -> Client | None:
    """Return what HTTP Basic (RFC 7617) carries, which OAuth encodes as forms are encoded, or None if it is malformed."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > _LONGEST_HEADER:
        return None
    try:
        pair = base64.b64decode(encoded.strip(" "), validate=True).decode()
    except ValueError:
        return None
    user_id, colon, password = pair.partition(":")
    return Client(unquote_plus(user_id), unquote_plus(password)) if colon else None
