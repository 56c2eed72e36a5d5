"""A request to an api in the same process, whose answer the world has seen as soon as its first byte is sent."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from carbot_core.web.edge import Edge

LEADS = "/api/crm/v1/leads"
_TOO_EARLY = {409, 503}
_AGAIN_SECONDS = 0.02


async def ask(edge: Edge, arguments: Mapping[str, Any], tell: Callable[[object], object]) -> None:
    """Create a lead, again while that is refused for the moment; tell each answer."""
    body = msgspec.json.encode(arguments["lead"])
    headers = {
        "host": "crm",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "authorization": arguments["authorization"],
        "idempotency-key": arguments["key"],
    }
    status = 503
    while status in _TOO_EARLY:
        status = await _ask_once(edge, body, headers, tell)
        if status in _TOO_EARLY:
            await asyncio.sleep(_AGAIN_SECONDS)


async def _ask_once(edge: Edge, body: bytes, headers: Mapping[str, str], tell: Callable[[object], object]) -> int:
    status = 0

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            tell({"status": status, "answer": msgspec.json.decode(message["body"])})

    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": "POST",
        "path": LEADS,
        "raw_path": LEADS.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("crm", 80),
    }
    await edge(scope, receive, send)
    return status
