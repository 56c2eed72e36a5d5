"""Access tokens for API keys over HTTP."""

from typing import Annotated, Any

from litestar import Request, Router, post
from litestar.enums import RequestEncodingType
from litestar.params import BodyKwarg

from carbot_core import web
from carbot_tenancy.dependencies import PROVIDERS, KeyRing
from carbot_tenancy.oauth import actions
from carbot_tenancy.oauth.errors import InvalidClient, InvalidScope, InvalidTokenRequest, UnsupportedGrantType
from carbot_tenancy.oauth.form import TokenForm, read_client
from carbot_tenancy.oauth.models import AccessToken, TokenRequest


@post(
    "/token",
    status_code=200,
    dto=TokenForm,
    responses=web.problems(InvalidTokenRequest, UnsupportedGrantType, InvalidScope, InvalidClient),
)
async def issue_token(
    data: Annotated[TokenRequest, BodyKwarg(media_type=RequestEncodingType.URL_ENCODED)],
    request: Request[Any, Any, Any],
    db: web.Db,
    keyring: KeyRing,
    origin: web.Origin,
    now: web.Now,
) -> AccessToken:
    """Exchange a secret API key for an access token.

    RFC 6749, section 4.4: grant_type client_credentials, the key as client_secret in HTTP Basic or in the form. The token is good
    for 10 minutes, and never longer than the key. Refusals have the member `error` of section 5.2.
    """
    return await actions.issue_token(db, keyring, data, read_client(request, data), origin.context(), now=now)


OAUTH = Router("/api/tenancy/v1/oauth", route_handlers=[issue_token], dependencies=PROVIDERS)
