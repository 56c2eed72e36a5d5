"""Two sides of every comparison: organisations that every service knows, and whoever asks in them."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
import msgspec
from catalogue_data import SERVICES
from interface import Operation
from resources import BODIES, COME_WITH_THE_ORGANIZATION, RESOURCES, Side

from carbot_contracts.scopes import ROLE_SCOPES
from carbot_core.context import Context
from carbot_core.credentials import Credential
from carbot_core.db import Database
from carbot_testing.founding import TENANCY, Founder, new_email, new_workshop
from carbot_testing.plugin import Connect
from carbot_testing.world import Member

ROLES: Final = tuple(ROLE_SCOPES)


async def found_side(founder: Founder, connect: Connect, databases: dict[str, Database]) -> Side:
    """Found an organisation over HTTP; return when every service knows it by tenancy's events."""
    email = new_email("owner")
    (await founder.register(email)).raise_for_status()
    token = await founder.mailbox.token(email)
    (await founder.nobody.post(f"{TENANCY}/auth/verify-email", json={"token": token})).raise_for_status()
    organization_id = _organization_in(token)
    stranger = connect("tenancy", organization_id)
    owner: str = (await stranger.get(f"{TENANCY}/members")).raise_for_status().json()["items"][0]["user_id"]
    member = Member(UUID(owner), uuid4(), "owner", None)
    clients = {service: connect(service, organization_id, member) for service in SERVICES}
    workshops: list[str] = []
    for _ in range(2):
        made = await clients["tenancy"].post(f"{TENANCY}/workshops", json=new_workshop())
        workshops.append(made.raise_for_status().json()["id"])
    for service, database in databases.items():
        if service != "tenancy":
            await _until(partial(_is_known, database, service, organization_id))
    for service, path in COME_WITH_THE_ORGANIZATION:
        await _until(partial(_is_there, clients[service], path))
    return Side(str(organization_id), (workshops[0], workshops[1]), email, owner, clients)


def _organization_in(token: str) -> UUID:
    credential = Credential.parse(token, token[: token.index("_")])
    assert credential is not None
    return credential.organization_id


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.02)


async def _is_known(database: Database, service: str, organization_id: UUID) -> bool:
    async with database.transaction(Context(organization_id=organization_id), read_only=True) as tx:
        places = await tx.value(int, f"SELECT count(*) FROM {service}.workshops")  # pyright: ignore[reportArgumentType] - a service's name
        people = await tx.value(int, f"SELECT count(*) FROM {service}.members")  # pyright: ignore[reportArgumentType] - a service's name
    return (places, people) == (2, 1)


async def _is_there(client: httpx.AsyncClient, path: str) -> bool:
    return (await client.get(path)).status_code == 200


class Caller(msgspec.Struct, frozen=True):
    role: str
    restricted: bool
    client: httpx.AsyncClient

    def __str__(self) -> str:
        return f"{self.role}{' of one workshop' if self.restricted else ''}"


type Callers = Callable[[Operation], list[Caller]]


def body_of(operation: Operation, side: Side) -> Any:
    """Return a valid body of this side."""
    if operation.id in BODIES:
        return BODIES[operation.id](side)
    content = operation.body()
    return None if content is None else content["example"]


async def path_of(operation: Operation, side: Side, **known: str) -> str:
    """Return the path with the ids that are known and fresh ones of this side."""
    ids = {
        name: known.get(name) or await RESOURCES[operation.service, name].make(side, side.workshops[0])
        for name in operation.parameters("path")
    }
    return operation.path.format(**ids)
