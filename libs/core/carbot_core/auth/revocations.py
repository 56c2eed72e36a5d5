"""What counts no more: read every second, so that a revoked token is refused everywhere within three."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Literal
from uuid import UUID

import msgspec
import structlog

from carbot_contracts.tenancy import AccessRevoked, OrganizationStatus
from carbot_core.auth.principal import Principal
from carbot_core.consume import Envelope
from carbot_core.context import Context
from carbot_core.db import Database, Tx
from carbot_core.errors import Unavailable
from carbot_core.ids import OPERATOR

log = structlog.get_logger()

READ_SECONDS = 1.0
OVERLAP = timedelta(seconds=30)
"""A row becomes visible when its transaction commits, later than its time: look back longer than any transaction lasts."""
UNKNOWN_SECONDS = 5.0
PULSE_SECONDS = 10.0
UNHEARD = timedelta(seconds=30)
"""Tenancy revokes nothing at all every ten seconds. An api that has not met that for so long would not meet anything else either."""

Kind = Literal["session", "member", "api_key", "organization"]


class Revocation(msgspec.Struct, frozen=True):
    """Tokens of this subject that were issued before `not_before` are refused."""

    organization_id: UUID
    kind: Kind
    subject_id: UUID
    not_before: datetime
    recorded_at: datetime
    age: timedelta


class Standing(msgspec.Struct, frozen=True):
    """How an organisation stands."""

    organization_id: UUID
    status: OrganizationStatus
    changed_at: datetime


def pulse(now: datetime) -> AccessRevoked:
    """Return a revocation that concerns nobody, in the operator's organisation: whoever hears it would hear a real one."""
    return AccessRevoked(kind="organization", subject_id=OPERATOR, not_before=now, reason="pulse")


async def record(tx: Tx, event: AccessRevoked, _envelope: Envelope) -> None:
    """Keep a revocation; a later one of the same subject wins, whatever the order in which they come."""
    await tx.execute(
        """
        INSERT INTO revocations (organization_id, kind, subject_id, not_before)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (organization_id, kind, subject_id) DO UPDATE
        SET not_before = GREATEST(revocations.not_before, EXCLUDED.not_before), recorded_at = clock_timestamp()
        """,
        tx.organization_id,
        event.kind,
        event.subject_id,
        event.not_before,
    )


async def forget(tx: Tx, *, before: datetime) -> int:
    """Delete revocations that no living token can still meet; return how many rows, at most 500."""
    return await tx.execute(
        """
        DELETE FROM revocations
        WHERE (organization_id, kind, subject_id) IN (
            SELECT organization_id, kind, subject_id FROM revocations WHERE recorded_at < $1 AND not_before < $1 LIMIT 500
        )
        """,
        before,
    )


class Revocations:
    """An api's memory of what was revoked, and of the organisations that are suspended."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.suspended: set[UUID] = set()
        self._not_before: dict[tuple[UUID, Kind, UUID], datetime] = {}
        self._read_to = self._standing_read_to = datetime(1970, 1, 1, tzinfo=UTC)
        self._read_at = float("-inf")
        self._heard = False

    @property
    def loaded(self) -> bool:
        return self._read_at > float("-inf")

    @property
    def current(self) -> bool:
        """Whether news still comes in, all the way from tenancy; if not, what is known is refused all the same."""
        return self._heard and monotonic() - self._read_at < UNKNOWN_SECONDS

    def revoked(self, principal: Principal) -> bool:
        """Tell whether the principal's token was issued before something that it rests on was revoked."""
        organization = principal.organization_id
        rests_on: Iterable[tuple[Kind, UUID | None]] = (
            ("organization", organization),
            ("session", principal.session_id),
            ("member" if principal.kind == "user" else "api_key", principal.id),
        )
        for kind, subject in rests_on:
            if subject is not None:
                not_before = self._not_before.get((organization, kind, subject))
                if not_before is not None and principal.issued_at < not_before:
                    return True
        return False

    async def run(self) -> None:
        """Read the news every second."""
        while True:
            try:
                await self.read()
            except Unavailable as refusal:
                log.warning("revocations_not_read", reason=refusal.code())
            await asyncio.sleep(READ_SECONDS)

    async def read(self) -> None:
        """Read what was recorded since the last time, and a little before."""
        async with self._database.transaction(Context(), read_only=True) as tx:
            rows = await tx.all(
                Revocation,
                """
                SELECT organization_id, kind, subject_id, not_before, recorded_at, clock_timestamp() - recorded_at AS age
                FROM revocations
                WHERE recorded_at > $1
                """,
                self._read_to - OVERLAP,
            )
            standings = await tx.all(
                Standing,
                """
                SELECT organization_id, status, changed_at
                FROM tenants
                WHERE changed_at > $1
                """,
                self._standing_read_to - OVERLAP,
            )
        for row in rows:
            self._not_before[row.organization_id, row.kind, row.subject_id] = row.not_before
            self._read_to = max(self._read_to, row.recorded_at)
        for standing in standings:
            note = self.suspended.add if standing.status == "suspended" else self.suspended.discard
            note(standing.organization_id)
            self._standing_read_to = max(self._standing_read_to, standing.changed_at)
        self._heard = any(row.subject_id == OPERATOR and row.age < UNHEARD for row in rows)
        self._read_at = monotonic()
