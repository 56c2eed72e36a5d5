"""Keys of data subjects in SQL."""

from uuid import UUID

from carbot_compliance.subject_keys.models import KeyClass, SubjectKey
from carbot_core.db import Tx


async def list_keys_of_subjects(tx: Tx, key_class: KeyClass, subjects: list[UUID]) -> list[SubjectKey]:
    """List the keys that these subjects have, also destroyed ones."""
    return await tx.all(
        SubjectKey,
        """
        SELECT id, subject_id, wrapped_key
        FROM compliance.subject_keys
        WHERE organization_id = $1 AND subject_id = ANY ($2::uuid[]) AND class = $3
        """,
        tx.organization_id,
        subjects,
        key_class,
    )


async def list_keys(tx: Tx, ids: list[UUID]) -> list[SubjectKey]:
    return await tx.all(
        SubjectKey,
        """
        SELECT id, subject_id, wrapped_key
        FROM compliance.subject_keys
        WHERE organization_id = $1 AND id = ANY ($2::uuid[])
        """,
        tx.organization_id,
        ids,
    )


async def insert_keys(tx: Tx, key_class: KeyClass, keys: list[SubjectKey]) -> int:
    """Insert keys for the subjects that still have none; return how many those are."""
    return await tx.execute(
        """
        INSERT INTO compliance.subject_keys (organization_id, id, subject_id, class, wrapped_key)
        SELECT $1, k.id, k.subject_id, $2, k.wrapped_key
        FROM unnest($3::uuid[], $4::uuid[], $5::bytea[]) AS k (id, subject_id, wrapped_key)
        ORDER BY k.subject_id
        ON CONFLICT (organization_id, subject_id, class) DO NOTHING
        """,
        tx.organization_id,
        key_class,
        [key.id for key in keys],
        [key.subject_id for key in keys],
        [key.wrapped_key for key in keys],
    )
