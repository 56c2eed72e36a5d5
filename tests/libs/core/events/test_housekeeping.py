"""What every service forgets by itself, and what it must still know."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from carbot_core.context import Context
from carbot_core.housekeeping import INBOX_KEPT, JOB, REVOCATIONS_KEPT
from carbot_core.ids import new_id
from carbot_core.jobs import JobLoop
from carbot_testing.stage import Stage

MANY = 700
"""More than one batch."""
MOMENT = timedelta(minutes=1)


async def run(stage: Stage, now: datetime) -> None:
    job = msgspec.structs.replace(JOB, name=f"housekeeping-{new_id()}")
    assert await JobLoop(stage.worker_database, (job,), lambda: now).run_if_due(job)


async def count(stage: Stage, marked: UUID) -> dict[str, int | None]:
    """Count the rows that bear the mark."""
    async with stage.worker_database.transaction(Context(), read_only=True) as tx:
        return {
            "answers": await tx.value(int, "SELECT count(*) FROM idempotency_keys WHERE organization_id = $1", marked),
            "inbox": await tx.value(int, "SELECT count(*) FROM inbox WHERE consumer = $1::text", str(marked)),
            "revocations": await tx.value(int, "SELECT count(*) FROM revocations WHERE organization_id = $1", marked),
        }


async def remember(stage: Stage, marked: UUID, now: datetime, age: timedelta, rows: int = 1) -> None:
    """Store rows that are so much older than what may be forgotten."""
    await stage.as_owner(f"""
        INSERT INTO crm.idempotency_keys (organization_id, principal, key_hash, fingerprint, answer, expires_at)
        SELECT '{marked}', gen_random_uuid(), '', '', '', '{now - age}' FROM generate_series(1, {rows});
        INSERT INTO crm.inbox (consumer, event_id, processed_at)
        SELECT '{marked}', gen_random_uuid(), '{now - INBOX_KEPT - age}' FROM generate_series(1, {rows});
        INSERT INTO crm.revocations (organization_id, kind, subject_id, not_before, recorded_at)
        SELECT '{marked}', 'session', gen_random_uuid(), '{now}'::timestamptz - interval '30 days',
            '{now - REVOCATIONS_KEPT - age}'
        FROM generate_series(1, {rows});
    """)


class TestHousekeeping:
    @pytest.mark.parametrize(("age", "left"), [(MOMENT, 0), (-MOMENT, MANY)], ids=["old", "young"])
    async def test_forgets_what_is_old_enough_however_much_and_nothing_else(
        self, stage: Stage, age: timedelta, left: int
    ) -> None:
        now, marked = datetime.now(UTC), new_id()
        await remember(stage, marked, now, age, MANY)
        await run(stage, now)
        assert await count(stage, marked) == {"answers": left, "inbox": left, "revocations": left}

    async def test_keeps_a_revocation_that_still_refuses_somebody(self, stage: Stage) -> None:
        now, marked = datetime.now(UTC), new_id()
        await remember(stage, marked, now, MOMENT)
        await stage.as_owner(
            f"UPDATE crm.revocations SET not_before = '{now + MOMENT}' WHERE organization_id = '{marked}'"
        )
        await run(stage, now)
        assert (await count(stage, marked))["revocations"] == 1

    def test_keeps_the_inbox_for_longer_than_an_event_may_come_again(self) -> None:
        assert timedelta(days=9 + 7) <= INBOX_KEPT
