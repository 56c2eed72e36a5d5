"""The page that lists the interfaces."""

from litestar import MediaType, get

from carbot_tenancy.docs.page import PAGE


@get("/docs", media_type=MediaType.HTML, include_in_schema=False)
async def read_docs() -> str:
    """Read which interfaces there are."""
    return PAGE
