"""How long conversations are kept."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from carbot_contracts.crm import LeadChanged
from carbot_core.clock import utc_now
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.ids import new_id
from carbot_core.jobs import JobLoop
from carbot_crm.chat.jobs import FORGET_CHATS, letters_before
from carbot_testing.plugin import Connect
from carbot_testing.world import Organization, World

CHAT = "/api/crm/v1/public/chat"
LEADS = "/api/crm/v1/leads"


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (datetime(2026, 3, 1, tzinfo=UTC), datetime(2019, 12, 31, 23, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), datetime(2020, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_letters_are_kept_six_years_from_the_years_end(now: datetime, before: datetime) -> None:
    assert letters_before(now) == before


class TestForget:
    async def test_deletes_chats_after_ninety_days_and_keeps_letters(
        self, world: World, connect: Connect, open_chat: Any, worker_databases: dict[str, Database]
    ) -> None:
        organization = await world.organization()
        chat, letter = await open_chat(organization), await open_chat(organization)
        for visitor in (chat, letter):
            await visitor.post(f"{CHAT}/messages", json={"text": "Hallo"})
        owner, database = connect("crm", organization), worker_databases["crm"]
        lead_id = await self.lead(owner, organization)
        async with database.transaction(Context(organization_id=organization.id)) as tx:
            await tx.execute(
                "UPDATE crm.chat_sessions SET lead_id = $2 WHERE id = $1",
                UUID(letter.headers["x-session-id"]),
                UUID(lead_id),
            )
        converted = LeadChanged(
            lead_id=UUID(lead_id),
            workshop_id=organization.workshops[0],
            source="widget",
            status="converted",
            created_at=utc_now(),
        )
        await world.tell(organization.id, converted, version=9)
        await self.run(database, utc_now() + timedelta(days=89))
        assert (await owner.get("/api/crm/v1/inbox")).text.count('"chat90"') == 1
        await self.run(database, utc_now() + timedelta(days=91))
        left = (await owner.get("/api/crm/v1/inbox")).json()["items"]
        assert [(each["id"], each["retention_class"]) for each in left] == [(letter.headers["x-session-id"], "letter6")]
        await self.run(database, utc_now() + timedelta(days=7 * 366 + 1))
        assert (await owner.get("/api/crm/v1/inbox")).json()["items"] == []

    async def lead(self, owner: Any, organization: Organization) -> str:
        body = {
            "workshop_id": str(organization.workshops[0]),
            "source": "widget",
            "name": "A",
            "email": f"{new_id()}@example.org",
            "request": "B",
        }
        made: str = (await owner.post(LEADS, json=body)).raise_for_status().json()["id"]
        return made

    async def run(self, database: Database, now: datetime) -> None:
        assert await JobLoop(database, (), lambda: now).run_if_due(FORGET_CHATS)


class TestMessages:
    async def test_nobody_changes_or_deletes(self, place: Any, open_chat: Any) -> None:
        await (await open_chat()).post(f"{CHAT}/messages", json={"text": "Hallo"})
        for role in ("crm_api", "crm_worker"):
            connection = await asyncpg.connect(place.plane.dsn_direct(place.database, role))
            for statement in ("UPDATE crm.chat_messages SET text = ''", "DELETE FROM crm.chat_messages"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
            await connection.close()
