"""Scores and models in SQL."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_crm.lead_scoring.models import (
    Classification,
    EntryPosition,
    Facts,
    Features,
    Model,
    ModelPosition,
    Run,
    Score,
    ScoreEntry,
    Trigger,
)


class ActiveModel(msgspec.Struct, frozen=True):
    """The model in force, as it is stored."""

    version: int
    kind: str
    parameters: dict[str, Any]


class Scored(msgspec.Struct, frozen=True):
    """A lead with its new score."""

    lead_id: UUID
    workshop_id: UUID
    features: Features
    score: Score


class KnownLead(Facts, frozen=True, kw_only=True):
    """A lead to be scored again."""

    id: UUID
    workshop_id: UUID
    classification: Classification


async def find_active_model(tx: Tx) -> ActiveModel | None:
    """Find the organisation's own model in force; None: the product's."""
    return await tx.first(
        ActiveModel,
        """
        SELECT version, kind, parameters
        FROM crm.lead_scoring_models
        WHERE organization_id = $1 AND status = 'active'
        """,
        tx.organization_id,
    )


async def list_messages(tx: Tx, lead_id: UUID) -> list[str]:
    """List what the guest wrote, oldest first, at most 200."""
    return (
        await tx.value(
            list[str],
            """
            SELECT array_agg(i.text ORDER BY i.created_at, i.id)
            FROM (
                SELECT text, created_at, id
                FROM crm.lead_interactions
                WHERE organization_id = $1 AND lead_id = $2 AND kind = 'form' AND text IS NOT NULL
                ORDER BY created_at DESC, id DESC
                LIMIT 200
            ) i
            """,
            tx.organization_id,
            lead_id,
        )
        or []
    )


async def insert_entries(tx: Tx, scored: list[Scored], version: int, trigger: Trigger, now: datetime) -> None:
    """Insert into the history of leads what their scores were counted from."""
    await tx.execute(
        """
        INSERT INTO crm.lead_scoring_history
            (organization_id, id, lead_id, workshop_id, score, classification, model_version, features, contributions,
            trigger, created_at)
        SELECT $1, s.id, s.lead_id, s.workshop_id, s.score, s.classification, $9, s.features::jsonb,
            s.contributions::jsonb, $10, $11
        FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::int[], $6::text[], $7::text[], $8::text[])
            AS s (id, lead_id, workshop_id, score, classification, features, contributions)
        """,
        tx.organization_id,
        [new_id() for _ in scored],
        [each.lead_id for each in scored],
        [each.workshop_id for each in scored],
        [each.score.score for each in scored],
        [each.score.classification for each in scored],
        [_json(each.features) for each in scored],
        [_json(each.score.contributions) for each in scored],
        version,
        trigger,
        now,
    )


def _json(value: object) -> str:
    """Encode a value of an array: the driver would take a list in it for another dimension."""
    return msgspec.json.encode(value).decode()


async def list_entries(tx: Tx, lead_id: UUID, *, after: EntryPosition | None, limit: int) -> list[ScoreEntry]:
    """List the scores of a lead, newest first."""
    return await tx.all(
        ScoreEntry,
        """
        SELECT id, score, classification, model_version, features, contributions, trigger, created_at
        FROM crm.lead_scoring_history
        WHERE organization_id = $1 AND lead_id = $2
            AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
        ORDER BY created_at DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        lead_id,
        after.created_at if after else None,
        after.id if after else None,
        limit,
    )


async def list_leads_after(tx: Tx, after: UUID | None, limit: int) -> list[KnownLead]:
    """List leads in the order of their ids, each with what the guest wrote, and lock them."""
    return await tx.all(
        KnownLead,
        """
        SELECT l.id, l.workshop_id, l.classification, l.name, l.phone, l.email, l.request, l.vehicle, l.created_at,
            l.first_response_at, COALESCE(m.messages, '{}') AS messages
        FROM (
            SELECT id, workshop_id, classification, name, phone, email, request, vehicle, created_at, first_response_at
            FROM crm.leads
            WHERE organization_id = $1 AND ($2::uuid IS NULL OR id > $2)
            ORDER BY id
            LIMIT $3
            FOR NO KEY UPDATE
        ) l
        LEFT JOIN LATERAL (
            SELECT array_agg(i.text ORDER BY i.created_at, i.id) AS messages
            FROM crm.lead_interactions i
            WHERE i.organization_id = $1 AND i.lead_id = l.id AND i.kind = 'form' AND i.text IS NOT NULL
        ) m ON true
        ORDER BY l.id
        """,
        tx.organization_id,
        after,
        limit,
    )


async def update_scores(tx: Tx, scored: list[Scored], now: datetime) -> None:
    """Store the new scores of leads that were locked."""
    await tx.execute(
        """
        UPDATE crm.leads l
        SET lead_score = s.score, classification = s.classification, urgency_class = s.urgency_class, updated_at = $6,
            revision = l.revision + 1
        FROM unnest($2::uuid[], $3::int[], $4::text[], $5::text[]) AS s (id, score, classification, urgency_class)
        WHERE l.organization_id = $1 AND l.id = s.id
            AND (l.lead_score, l.classification, l.urgency_class)
                IS DISTINCT FROM (s.score::smallint, s.classification, s.urgency_class)
        """,
        tx.organization_id,
        [each.lead_id for each in scored],
        [each.score.score for each in scored],
        [each.score.classification for each in scored],
        [each.score.urgency_class for each in scored],
        now,
    )


async def list_models(tx: Tx, *, after: ModelPosition | None, limit: int) -> list[Model]:
    """List an organisation's own models, newest first."""
    return await tx.all(
        Model,
        """
        SELECT id, version, kind, name, parameters, status, created_at, updated_at, revision
        FROM crm.lead_scoring_models
        WHERE organization_id = $1 AND ($2::int IS NULL OR version < $2)
        ORDER BY version DESC
        LIMIT $3
        """,
        tx.organization_id,
        after.version if after else None,
        limit,
    )


async def find_model(tx: Tx, model_id: UUID) -> Model | None:
    return await tx.first(
        Model,
        """
        SELECT id, version, kind, name, parameters, status, created_at, updated_at, revision
        FROM crm.lead_scoring_models
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        model_id,
    )


async def insert_model(tx: Tx, *, name: str, kind: str, parameters: object, now: datetime) -> Model:
    """Insert a draft as the next version; two at once: one is refused by its version and tried again by its client."""
    return await tx.one(
        Model,
        """
        INSERT INTO crm.lead_scoring_models
            (organization_id, id, version, kind, name, parameters, created_at, updated_at)
        SELECT $1, $2, COALESCE(max(version), 1) + 1, $3, $4, $5, $6, $6
        FROM crm.lead_scoring_models
        WHERE organization_id = $1
        RETURNING id, version, kind, name, parameters, status, created_at, updated_at, revision
        """,
        tx.organization_id,
        new_id(),
        kind,
        name,
        msgspec.to_builtins(parameters),
        now,
    )


async def retire_active_model(tx: Tx, now: datetime) -> int:
    """Put the model in force out of force; return how many there were, 0 or 1."""
    return await tx.execute(
        """
        UPDATE crm.lead_scoring_models
        SET status = 'retired', updated_at = $2, revision = revision + 1
        WHERE organization_id = $1 AND status = 'active'
        """,
        tx.organization_id,
        now,
    )


async def mark_active(tx: Tx, model_id: UUID, now: datetime) -> Model | None:
    """Put a model in force, or return None if there is no such one."""
    return await tx.first(
        Model,
        """
        UPDATE crm.lead_scoring_models
        SET status = 'active', updated_at = $3, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, version, kind, name, parameters, status, created_at, updated_at, revision
        """,
        tx.organization_id,
        model_id,
        now,
    )


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the training set: the last features of a lead whose end is known, and whether it was won."""

    lead_id: UUID
    created_at: datetime
    features: Features
    converted: bool


class TrainingPosition(msgspec.Struct, frozen=True):
    """After which lead the training set goes on."""

    created_at: datetime
    lead_id: UUID


async def list_training(tx: Tx, *, after: TrainingPosition | None, limit: int, ended: bool) -> list[Training]:
    """List the last features of leads, newest first: of those whose end is known, or of all."""
    return await tx.all(
        Training,
        """
        SELECT l.id AS lead_id, l.created_at, h.features, l.status = 'converted' AS converted
        FROM crm.leads l
        JOIN LATERAL (
            SELECT features
            FROM crm.lead_scoring_history
            WHERE organization_id = $1 AND lead_id = l.id
            ORDER BY created_at DESC, id DESC
            LIMIT 1
        ) h ON true
        WHERE l.organization_id = $1
            AND (NOT $5 OR l.status IN ('converted', 'lost'))
            AND ($2::timestamptz IS NULL OR (l.created_at, l.id) < ($2, $3::uuid))
        ORDER BY l.created_at DESC, l.id DESC
        LIMIT $4
        """,
        tx.organization_id,
        after.created_at if after else None,
        after.lead_id if after else None,
        limit,
        ended,
    )


async def insert_run(tx: Tx, now: datetime) -> Run | None:
    """Insert a run over all leads, or return None if one is running."""
    return await tx.first(
        Run,
        """
        INSERT INTO crm.rescoring_runs (organization_id, id, total, created_at, updated_at)
        SELECT $1, $2, (SELECT count(*) FROM crm.leads WHERE organization_id = $1), $3, $3
        ON CONFLICT (organization_id) WHERE state = 'running' DO NOTHING
        RETURNING id, state, total, done, changed, created_at, updated_at
        """,
        tx.organization_id,
        new_id(),
        now,
    )


async def find_run(tx: Tx, run_id: UUID) -> Run | None:
    return await tx.first(
        Run,
        """
        SELECT id, state, total, done, changed, created_at, updated_at
        FROM crm.rescoring_runs
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        run_id,
    )


class RunPlace(msgspec.Struct, frozen=True):
    """How far a run is."""

    after: UUID | None


async def lock_run(tx: Tx, run_id: UUID) -> RunPlace | None:
    """Find where a run goes on, or None if it has ended."""
    return await tx.first(
        RunPlace,
        """
        SELECT after
        FROM crm.rescoring_runs
        WHERE organization_id = $1 AND id = $2 AND state = 'running'
        FOR UPDATE
        """,
        tx.organization_id,
        run_id,
    )


async def update_run(
    tx: Tx, run_id: UUID, *, after: UUID | None, done: int, changed: int, ended: bool, now: datetime
) -> None:
    """Note how far a run that was locked has come."""
    await tx.execute(
        """
        UPDATE crm.rescoring_runs
        SET after = COALESCE($3, after), done = done + $4, changed = changed + $5,
            state = CASE WHEN $6 THEN 'done' ELSE state END, updated_at = $7, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        run_id,
        after,
        done,
        changed,
        ended,
        now,
    )
