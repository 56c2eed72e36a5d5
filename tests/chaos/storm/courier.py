"""An honest client on a bad line: it asks with the same key until it is told, and sometimes hangs up before it is."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from random import Random
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec

from carbot_testing.issuer import Issuer
from tests.chaos.storm.ledger import Ledger

_TIMEOUT_SECONDS = 4.0
_PATIENCE_SECONDS = 300.0
_TOKEN_SECONDS = 240.0
_HANGS_UP = 0.06
_IN_USE = "idempotency_key_in_use"


class Request(msgspec.Struct, frozen=True):
    service: str
    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = {}


class Refused(Exception):
    """An answer that no storm excuses."""


class Courier:
    """Delivers the commands of one user of an organisation."""

    def __init__(
        self, ports: dict[str, int], issuer: Issuer, organization_id: UUID, ledger: Ledger, dice: Random
    ) -> None:
        self._ports = ports
        self._issuer = issuer
        self._organization_id = organization_id
        self._user_id = uuid4()
        self._ledger = ledger
        self._dice = dice
        self._token = ""
        self._token_until = 0.0
        self.calm = True
        """While it is, each command is sent once and nobody hangs up."""
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False)

    async def close(self) -> None:
        await self._client.aclose()

    async def post(self, service: str, path: str, body: Any) -> Any:
        """Command under a key of its own, sometimes several times at once; return the answer, which must be the same each time."""
        request = Request(service, "POST", path, msgspec.json.encode(body), {"idempotency-key": str(uuid4())})
        copies = 1 if self.calm else self._dice.choice((1, 1, 1, 2, 3))
        self._ledger.done["sent twice or more at once"] += copies > 1
        self._ledger.groups[service] += 1
        answers = await asyncio.gather(*(self._until_told(request) for _ in range(copies)))
        if len({answer.content for answer in answers}) > 1:
            self._ledger.faults.append(f"one key, different answers: {path}")
        self._ledger.done["commands acknowledged"] += 1
        return answers[0].json()

    async def patch(self, service: str, path: str, revision: int, body: Any, is_mine: Callable[[Any], bool]) -> Any:
        """Change what has this revision; where that is no more so, because an answer was lost, read what became of it."""
        answer = await self._until_told(
            Request(service, "PATCH", path, msgspec.json.encode(body), {"if-match": f'"{revision}"'})
        )
        if answer.status_code == HTTPStatus.PRECONDITION_FAILED:
            answer = await self._until_told(Request(service, "GET", path))
            if not is_mine(answer.json()):
                raise Refused(f"somebody else changed {path} after revision {revision}: {answer.text}")
        self._ledger.done["commands acknowledged"] += 1
        return answer.json()

    async def _until_told(self, request: Request) -> httpx.Response:
        started, first = monotonic(), True
        while monotonic() - started < _PATIENCE_SECONDS:
            self._ledger.done["requests"] += 1
            self._ledger.done["of them again"] += not first
            first = False
            answer = await self._attempt(request)
            if answer is not None and (answer.is_success or answer.status_code == HTTPStatus.PRECONDITION_FAILED):
                return answer
            if answer is not None:
                code = answer.json()["code"]
                self._ledger.refused[f"{answer.status_code} {code}"] += 1
                if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE and code != _IN_USE:
                    raise Refused(f"{request.method} {request.path}: {answer.status_code} {answer.text}")
            await asyncio.sleep(self._dice.uniform(0.05, 0.4))
        raise Refused(f"{request.method} {request.path} was not answered within {_PATIENCE_SECONDS:.0f} s")

    async def _attempt(self, request: Request) -> httpx.Response | None:
        """Ask once; None if no answer came."""
        chance = 1.0 if self.calm else self._dice.random()
        if chance < _HANGS_UP:
            await self._ask_and_reset(request)
            return None
        asking = asyncio.create_task(self._ask(request))
        if chance < 2 * _HANGS_UP:
            await asyncio.wait({asking}, timeout=self._dice.uniform(0, 0.06))
            if asking.cancel():
                self._ledger.done["client cancelled"] += 1
                await asyncio.gather(asking, return_exceptions=True)
                return None
        try:
            return await asking
        except httpx.TransportError as error:
            self._ledger.refused[type(error).__name__] += 1
            return None

    async def _ask(self, request: Request) -> httpx.Response:
        url = f"http://127.0.0.1:{self._ports[request.service]}{request.path}"
        return await self._client.request(request.method, url, content=request.body, headers=self._headers(request))

    async def _ask_and_reset(self, request: Request) -> None:
        """Send the request, or the first part of it, and be gone."""
        headers = {
            **self._headers(request),
            "host": "storm",
            "content-length": str(len(request.body)),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        raw = f"{request.method} {request.path} HTTP/1.1\r\n{head}\r\n".encode() + request.body
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", self._ports[request.service])
            writer.write(raw[: self._dice.choice((len(raw), len(raw), len(raw) // 2))])
            await asyncio.sleep(self._dice.uniform(0, 0.03))
            writer.transport.abort()
            self._ledger.done["client disconnected"] += 1

    def _headers(self, request: Request) -> dict[str, str]:
        if monotonic() > self._token_until:
            self._token = self._issuer.token(self._organization_id, "owner", user_id=self._user_id)
            self._token_until = monotonic() + _TOKEN_SECONDS
        return {"authorization": f"Bearer {self._token}", "content-type": "application/json", **request.headers}
