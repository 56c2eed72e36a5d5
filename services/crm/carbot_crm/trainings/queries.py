"""Trainings in SQL."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_crm.trainings.models import Training, TrainingFailure


async def insert_training(tx: Tx, name: str, now: datetime) -> Training | None:
    """Insert a training, or return None if one is running."""
    return await tx.first(
        Training,
        """
        INSERT INTO crm.scoring_trainings (organization_id, id, name, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $4)
        ON CONFLICT (organization_id) WHERE state = 'running' DO NOTHING
        RETURNING id, name, state, leads, converted, quality, model_id, failure, created_at, updated_at
        """,
        tx.organization_id,
        new_id(),
        name,
        now,
    )


async def find_training(tx: Tx, training_id: UUID) -> Training | None:
    return await tx.first(
        Training,
        """
        SELECT id, name, state, leads, converted, quality, model_id, failure, created_at, updated_at
        FROM crm.scoring_trainings
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        training_id,
    )


async def mark_done(
    tx: Tx, training_id: UUID, model_id: UUID, *, leads: int, converted: int, quality: float, now: datetime
) -> None:
    await tx.execute(
        """
        UPDATE crm.scoring_trainings
        SET state = 'done', model_id = $3, leads = $4, converted = $5, quality = $6, updated_at = $7,
            revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        training_id,
        model_id,
        leads,
        converted,
        quality,
        now,
    )


async def mark_failed(
    tx: Tx, training_id: UUID, failure: TrainingFailure, *, leads: int, converted: int, now: datetime
) -> None:
    await tx.execute(
        """
        UPDATE crm.scoring_trainings
        SET state = 'failed', failure = $3, leads = $4, converted = $5, updated_at = $6, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        training_id,
        failure,
        leads,
        converted,
        now,
    )
