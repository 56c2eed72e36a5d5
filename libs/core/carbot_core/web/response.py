"""Answers: whatever has a revision carries it as its entity tag."""

from typing import Any, override

from litestar import Response
from litestar.response.base import ASGIResponse


class EntityResponse(Response[Any]):
    """The response class of every service."""

    @override
    def to_asgi_response(self, request: Any, **kwargs: Any) -> ASGIResponse:  # pyright: ignore[reportIncompatibleMethodOverride] - passed through whole
        revision = getattr(self.content, "revision", None)
        if revision is not None:
            self.set_header("etag", f'"{revision}"')
        return super().to_asgi_response(request=request, **kwargs)
