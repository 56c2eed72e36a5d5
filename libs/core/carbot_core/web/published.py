"""Answers that anybody may keep for a while: with an entity tag of their content, and 304 for whoever has it (RFC 9110, section 13.1.2)."""

import hashlib
from typing import Annotated, Any

import msgspec
from litestar import Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter

FRESH_SECONDS = 60
STALE_SECONDS = 600
"""For so long a cache may answer with what it has while it asks again (RFC 5861)."""

IfNoneMatch = Annotated[str | None, HeaderParameter(name="If-None-Match", description="The entity tag that you have")]

NOT_MODIFIED = {304: ResponseSpec(None, description="What you have is what there is.", generate_examples=False)}
"""Among the `responses` of a route that answers so."""


def published(content: Any, if_none_match: str | None) -> Response[Any]:
    """Return the content with its tag, or 304 without it to whoever named that tag."""
    body = msgspec.json.encode(content)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {
        "etag": tag,
        "cache-control": f"public, max-age={FRESH_SECONDS}, stale-while-revalidate={STALE_SECONDS}",
        "vary": "origin, x-carbot-key",
    }
    known = {each.strip().removeprefix("W/") for each in (if_none_match or "").split(",")}
    if tag in known or "*" in known:
        return Response(None, status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
