"""An issuer for tests: signs access tokens for anybody, and serves its key together with tenancy's own."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from joserfc.jwk import OKPKey

from carbot_contracts.scopes import ROLE_SCOPES
from carbot_contracts.tenancy import Role
from carbot_core.auth import tokens
from carbot_core.ids import new_id

ISSUER = "https://carbot.test"

type JwksOfTenancy = Callable[[], Awaitable[bytes]]


class Issuer:
    """Signs tokens with a key that the services know."""

    def __init__(self) -> None:
        self.key = OKPKey.generate_key("Ed25519", {"kid": "test"})
        self.tenancy: JwksOfTenancy | None = None
        self.fetches = 0

    def claims(
        self,
        organization_id: UUID,
        role: Role = "owner",
        *,
        user_id: UUID | None = None,
        workshops: list[UUID] | None = None,
        scopes: list[str] | None = None,
        issued_at: datetime | None = None,
        session_id: UUID | None = None,
    ) -> tokens.Claims:
        """Return the claims that tenancy would make for such a member."""
        at = round((issued_at or datetime.now(UTC)).timestamp(), 3)
        return tokens.Claims(
            iss=ISSUER,
            aud="carbot",
            sub=user_id or new_id(),
            org=organization_id,
            role=role,
            workshops=workshops,
            scopes=sorted(ROLE_SCOPES[role]) if scopes is None else scopes,
            sid=session_id or new_id(),
            jti=new_id(),
            iat=at,
            exp=at + tokens.LIFETIME_SECONDS,
            auth_time=at,
        )

    def token(self, organization_id: UUID, role: Role = "owner", **rest: Any) -> str:
        """Return an access token; see claims."""
        return tokens.sign(self.claims(organization_id, role, **rest), self.key)

    async def serve(self) -> asyncio.Server:
        """Serve the JWKS on a free port."""
        return await asyncio.start_server(self._answer, "127.0.0.1", 0)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.fetches += 1
        keys: list[Any] = [self.key.as_dict(private=False)]
        if self.tenancy is not None:
            keys += msgspec.json.decode(await self.tenancy())["keys"]
        body = msgspec.json.encode({"keys": keys})
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
            b"content-length: " + str(len(body)).encode() + b"\r\n\r\n" + body
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()
