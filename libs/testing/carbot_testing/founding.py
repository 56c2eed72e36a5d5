"""Organisations as people found them: by tenancy's own routes and the links in its mails."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec

from carbot_contracts.tenancy import Role
from carbot_core.web.edge import Edge
from carbot_testing.mailbox import Mailbox
from carbot_testing.running import client

TENANCY = "/api/tenancy/v1"
PASSWORD = "correct horse battery"


class Person(msgspec.Struct, frozen=True):
    """Somebody who is signed in to an organisation."""

    email: str
    organization_id: UUID
    client: httpx.AsyncClient
    refresh_token: str


class Founder:
    """Registers, invites and signs in; the tenancy api and worker must be running."""

    def __init__(self, edge: Edge, mailbox: Mailbox) -> None:
        self._edge = edge
        self.mailbox = mailbox
        self.nobody = client(edge, "tenancy")

    async def register(self, email: str, *, password: str = PASSWORD) -> httpx.Response:
        """Ask for an organisation, until the machine has time to hash."""
        organization = {"legal_name": "Autohaus Müller & Söhne GmbH", "legal_form": "gmbh", "country": "DE"}
        owner = {"email": email, "password": password, "name": "Anna Müller"}
        body = {"organization": organization, "owner": owner}
        return await persistently(lambda: self.nobody.post(f"{TENANCY}/organizations", json=body))

    async def found(self) -> Person:
        """Register an organisation, follow the link, sign in as its owner."""
        email = new_email("owner")
        (await self.register(email)).raise_for_status()
        token = await self.mailbox.token(email)
        (await self.nobody.post(f"{TENANCY}/auth/verify-email", json={"token": token})).raise_for_status()
        return await self.sign_in(email)

    async def join(self, owner: Person, role: Role, workshops: list[str] | None = None) -> Person:
        """Invite somebody, accept, sign in."""
        email = new_email(role)
        invitation = {"email": email, "role": role, "workshop_ids": workshops}
        (await owner.client.post(f"{TENANCY}/invitations", json=invitation)).raise_for_status()
        acceptance = {"token": await self.mailbox.token(email), "name": "Bob", "password": PASSWORD}
        accept = f"{TENANCY}/invitations/accept"
        (await persistently(lambda: self.nobody.post(accept, json=acceptance))).raise_for_status()
        return await self.sign_in(email)

    async def login(self, email: str, password: str = PASSWORD, **rest: Any) -> httpx.Response:
        """Ask for tokens, until the machine has time to hash."""
        body = {"email": email, "password": password, **rest}
        return await persistently(lambda: self.nobody.post(f"{TENANCY}/auth/login", json=body))

    async def refresh(self, refresh_token: str) -> httpx.Response:
        """Ask for the next tokens."""
        return await self.nobody.post(f"{TENANCY}/auth/refresh", json={"refresh_token": refresh_token})

    async def sign_in(self, email: str, **rest: Any) -> Person:
        answer = (await self.login(email, **rest)).raise_for_status().json()
        return Person(email, UUID(answer["organization_id"]), self.client(answer), answer["refresh_token"])

    def client(self, tokens: dict[str, Any]) -> httpx.AsyncClient:
        """Return a client with the access token of an answer."""
        return client(self._edge, "tenancy", authorization=f"Bearer {tokens['access_token']}")

    async def workshop(self, owner: Person, **changes: Any) -> str:
        """Add a workshop; return its id."""
        answer = await owner.client.post(f"{TENANCY}/workshops", json=new_workshop(**changes))
        workshop_id: str = answer.raise_for_status().json()["id"]
        return workshop_id


async def persistently(ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Ask, and again while the answer is that it cannot be done now, as clients do; raise TimeoutError."""
    async with asyncio.timeout(60):
        while (answer := await ask()).status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            await asyncio.sleep(0.1)
    return answer


def new_email(name: str) -> str:
    return f"{name}-{uuid4().hex[:12]}@example.org"


def new_workshop(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Werkstatt Mitte",
        "slug": f"w-{uuid4().hex[:12]}",
        "business_type": "independent",
        "address": "Torstraße 1",
        "postal_code": "10119",
        "city": "Berlin",
        "country": "DEU",
        "latitude": 52.53,
        "longitude": 13.4,
        "phone": "030 901820",
        **changes,
    }


def new_location(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Haupthaus",
        "address": "Torstraße 1",
        "postal_code": "10119",
        "city": "Berlin",
        "phone": "030 901820",
        "opening_hours": [{"weekday": weekday, "opens": "08:00", "closes": "17:00"} for weekday in range(1, 6)],
        **changes,
    }
