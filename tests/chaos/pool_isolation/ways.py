"""Two ways to ask, each broken off when the task that asks is cancelled: in this process, and over HTTP of another."""

import asyncio
from typing import Any, Protocol
from urllib.parse import urlsplit

from carbot_core.web.edge import Edge
from tests.chaos.pool_isolation.tenants import Request, Tenant


class Way(Protocol):
    """Asks for a tenant; returns status and body."""

    async def ask(self, tenant: Tenant, request: Request) -> tuple[int, bytes]: ...


class InProcess:
    """Cancelling cancels the request's own task, as its deadline does."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    async def ask(self, tenant: Tenant, request: Request) -> tuple[int, bytes]:
        status, body = 0, b""

        async def receive() -> Any:
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status, body
            status = message.get("status", status)
            body += message.get("body", b"")

        url = urlsplit(request.path)
        scope: Any = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": request.method,
            "path": url.path,
            "raw_path": url.path.encode(),
            "root_path": "",
            "query_string": url.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in _headers(tenant, request)],
            "client": ("127.0.0.1", 1),
            "server": ("crm", 80),
        }
        await self._edge(scope, receive, send)
        return status, body


class OverHttp:
    """Cancelling closes the connection under the service's hands."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, tenant: Tenant, request: Request) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        try:
            lines = "".join(f"{name}: {value}\r\n" for name, value in _headers(tenant, request))
            writer.write(f"{request.method} {request.path} HTTP/1.1\r\n{lines}\r\n".encode() + request.body)
            head = await reader.readuntil(b"\r\n\r\n")
            [length] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            return int(head[9:12]), await reader.readexactly(int(length.partition(b":")[2]))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
        self._streams = None


def _headers(tenant: Tenant, request: Request) -> list[tuple[str, str]]:
    length = [("content-type", "application/json"), ("content-length", str(len(request.body)))] if request.body else []
    return [("host", "crm"), ("authorization", tenant.authorization), *length, *request.headers]
