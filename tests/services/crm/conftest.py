"""A visitor in a conversation, and the staff of the workshop."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from carbot_contracts.tenancy import AccessRevoked
from carbot_testing.plugin import Connect
from carbot_testing.world import ORIGIN, Organization, World

CHAT = "/api/crm/v1/public/chat"
CONSENT = {"data_processing": True, "communication": False, "analytics": False, "text_version": "1"}

type Open = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest_asyncio.fixture(scope="session")
async def garage(world: World) -> Organization:
    return await world.organization(
        workshops=2,
        members=(("owner", None), ("service_advisor", (0,)), ("manager", None), ("viewer", None), ("technician", (1,))),
    )


@pytest.fixture
def page(connect: Connect) -> Callable[..., httpx.AsyncClient]:
    """A workshop's page, before anybody has opened a conversation."""

    def page(organization: Organization, workshop: int = 0) -> httpx.AsyncClient:
        client = connect("crm")
        client.headers.update({"x-carbot-key": str(organization.keys[workshop]), "origin": ORIGIN})
        return client

    return page


@pytest.fixture
def open_chat(page: Callable[..., httpx.AsyncClient], garage: Organization) -> Open:
    """Opens a conversation, and returns its visitor."""

    async def opened(organization: Organization = garage, workshop: int = 0, **changes: Any) -> httpx.AsyncClient:
        client = page(organization, workshop)
        answer = await client.post(f"{CHAT}/sessions", json={"consent": CONSENT, **changes})
        assert answer.status_code == 201, answer.text
        client.headers["x-carbot-session"] = answer.json()["token"]
        client.headers["x-session-id"] = answer.json()["id"]
        return client

    return opened


@pytest.fixture
def revoke(world: World) -> Callable[..., Awaitable[None]]:
    """Lets crm hear that what tokens rest on is revoked."""

    async def revoke(organization: Organization, kind: Any, subject_id: UUID) -> None:
        revoked = AccessRevoked(kind=kind, subject_id=subject_id, not_before=datetime.now(UTC), reason="test")
        await world.tell(organization.id, revoked)

    return revoke
