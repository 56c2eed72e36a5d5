"""Requests at a steady pace, whatever the answers do, and what became of each."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from time import time
from typing import Any
from uuid import uuid4

import httpx
import msgspec

from carbot_testing.founding import new_workshop
from tests.chaos.frozen.scene import VOLUME, Scene
from tests.perf import tenants

TICK_SECONDS = 0.25
PROBES = ("live", "ready")
READS = ("list leads", "list workshops")
WRITES = ("create a lead", "create a workshop")
KEYS = "keys"


class Answer(msgspec.Struct, frozen=True):
    """What a client saw of one request; status 0 is no answer at all."""

    name: str
    sent: float
    seconds: float
    status: int
    refuses_properly: bool
    """Whether it carries Retry-After and a problem document."""
    id: str | None = None
    """Of what was created."""

    @property
    def done(self) -> bool:
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return f"{self.name} sent at {self.sent:.2f}: {self.status} after {self.seconds:.2f} s"


class Traffic:
    """Every tick one request of each kind."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.answers: list[Answer] = []
        self._dice = random.Random(seed)
        self._scene = scene
        self._tokens = {
            number: scene.issuer.token(tenants.organization(number), user_id=tenants.user(number))
            for number in range(tenants.FIRST, tenants.FIRST + VOLUME.organizations)
        }

    def written(self, name: str) -> list[str]:
        """Return the ids of what was acknowledged."""
        return [answer.id for answer in self.answers if answer.name == name and answer.done and answer.id]

    @asynccontextmanager
    async def flowing(self) -> AsyncGenerator[None]:
        """Let it flow while the caller does what it does, then wait for every answer."""
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
        async with httpx.AsyncClient(timeout=20, limits=limits, trust_env=False) as client, asyncio.TaskGroup() as asks:
            flow = asks.create_task(self._flow(client, asks))
            try:
                yield
            finally:
                flow.cancel()

    async def _flow(self, client: httpx.AsyncClient, asks: asyncio.TaskGroup) -> None:
        while True:
            for name, request in self._round(client):
                asks.create_task(self._ask(client, name, request()))
            await asyncio.sleep(TICK_SECONDS)

    def _round(self, client: httpx.AsyncClient) -> list[tuple[str, Callable[[], httpx.Request]]]:
        number = self._dice.choice(list(self._tokens))
        headers = {"authorization": f"Bearer {self._tokens[number]}"}
        tenancy, crm = self._scene.url("tenancy"), self._scene.url("crm")
        lead: dict[str, Any] = {
            "workshop_id": str(tenants.workshop(number)),
            "source": "phone",
            "name": "Jörg Müller",
            "email": f"{uuid4().hex}@example.org",
            "request": "Reifen",
        }

        def request(method: str, url: str, body: object = None) -> Callable[[], httpx.Request]:
            return lambda: client.build_request(method, url, headers=headers, json=body)

        return [
            ("live", request("GET", f"{crm}/health/live")),
            ("ready", request("GET", f"{tenancy}/health/ready")),
            (KEYS, request("GET", f"{tenancy}/.well-known/jwks.json")),
            ("list leads", request("GET", f"{crm}/api/crm/v1/leads?limit=5")),
            ("list workshops", request("GET", f"{tenancy}/api/tenancy/v1/workshops?limit=5")),
            ("create a lead", request("POST", f"{crm}/api/crm/v1/leads", lead)),
            ("create a workshop", request("POST", f"{tenancy}/api/tenancy/v1/workshops", new_workshop())),
        ]

    async def _ask(self, client: httpx.AsyncClient, name: str, request: httpx.Request) -> None:
        sent = time()
        try:
            answer = await client.send(request)
        except httpx.TransportError:
            self.answers.append(Answer(name, sent, time() - sent, 0, refuses_properly=False))
            return
        proper = "retry-after" in answer.headers and answer.headers["content-type"] == "application/problem+json"
        made = answer.json().get("id") if name in WRITES and answer.status_code == HTTPStatus.CREATED else None
        self.answers.append(Answer(name, sent, time() - sent, answer.status_code, proper, made))
