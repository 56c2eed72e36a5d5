"""Keys of data subjects."""

import asyncio
from uuid import UUID, uuid4

import pytest

from carbot_compliance.subject_keys import actions
from carbot_core.context import Context
from carbot_core.crypto import Unreadable, Vault
from carbot_core.db import Database
from carbot_core.ids import new_id

VAULT = Vault(b"k" * 32)


async def ensured(database: Database, organization_id: UUID, subjects: list[UUID]) -> dict[UUID, UUID]:
    async with database.transaction(Context(organization_id=organization_id)) as tx:
        keys = await actions.ensure_keys(tx, VAULT, "audit", subjects)
    return {subject: key.id for subject, key in keys.items()}


class TestEnsure:
    async def test_gives_a_subject_one_key_however_many_ask_at_once(
        self, worker_databases: dict[str, Database]
    ) -> None:
        organization_id, subjects = new_id(), [uuid4() for _ in range(20)]
        asked = await asyncio.gather(
            *(ensured(worker_databases["compliance"], organization_id, subjects) for _ in range(4))
        )
        assert len(asked[0]) == 20
        assert all(each == asked[0] for each in asked)

    async def test_opens_what_another_transaction_sealed(self, worker_databases: dict[str, Database]) -> None:
        organization_id, subject, opened = new_id(), uuid4(), []
        for _ in range(2):
            async with worker_databases["compliance"].transaction(Context(organization_id=organization_id)) as tx:
                opened.append((await actions.ensure_keys(tx, VAULT, "audit", [subject]))[subject].vault)
        first, second = opened
        assert first is not None
        assert second is not None
        assert second.decrypt(first.encrypt(b"Erika", "here"), "here") == b"Erika"

    async def test_opens_nothing_under_another_key_encryption_key(self, worker_databases: dict[str, Database]) -> None:
        organization_id, subject = new_id(), uuid4()
        await ensured(worker_databases["compliance"], organization_id, [subject])
        with pytest.raises(Unreadable):
            async with worker_databases["compliance"].transaction(Context(organization_id=organization_id)) as tx:
                await actions.ensure_keys(tx, Vault(b"x" * 32), "audit", [subject])
