"""Imports in SQL."""

from datetime import datetime
from uuid import UUID

import msgspec

from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_crm.imports.models import Failure, Import, ImportPosition, Kind, Mapping, Planned, ReportRow, Row, State


async def insert_import(
    tx: Tx, kind: Kind, *, workshop_id: UUID | None, file_name: str, content: bytes, now: datetime
) -> Import | None:
    """Insert an import with its file, or return None if the caller sees no such workshop."""
    return await tx.first(
        Import,
        """
        WITH made AS (
            INSERT INTO crm.imports (organization_id, id, workshop_id, kind, file_name, created_at, updated_at)
            SELECT $1, $2, $3, $4, $5, $7, $7
            WHERE $3::uuid IS NULL
                OR EXISTS (SELECT FROM crm.workshops WHERE organization_id = $1 AND id = $3 AND is_active)
            RETURNING organization_id, id, workshop_id, kind, file_name, columns, mapping, state, failure, row_count, reached,
                inserted, updated, unchanged, failed, created_at, updated_at, revision
        ), kept AS (
            INSERT INTO crm.import_files (organization_id, import_id, workshop_id, content, created_at, updated_at)
            SELECT organization_id, id, workshop_id, $6, $7, $7
            FROM made
        )
        SELECT id, workshop_id, kind, file_name, columns, mapping, state, failure, row_count, reached, inserted, updated,
            unchanged, failed, created_at, updated_at, revision
        FROM made
        """,
        tx.organization_id,
        new_id(),
        workshop_id,
        kind,
        file_name,
        content,
        now,
    )


async def list_imports(tx: Tx, *, after: ImportPosition | None, limit: int) -> list[Import]:
    """List imports, newest first."""
    return await tx.all(
        Import,
        """
        SELECT id, workshop_id, kind, file_name, columns, mapping, state, failure, row_count, reached, inserted, updated,
            unchanged, failed, created_at, updated_at, revision
        FROM crm.imports
        WHERE organization_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
        ORDER BY created_at DESC, id DESC
        LIMIT $4
        """,
        tx.organization_id,
        after.created_at if after else None,
        after.id if after else None,
        limit,
    )


async def find_import(tx: Tx, import_id: UUID) -> Import | None:
    return await tx.first(
        Import,
        """
        SELECT id, workshop_id, kind, file_name, columns, mapping, state, failure, row_count, reached, inserted, updated,
            unchanged, failed, created_at, updated_at, revision
        FROM crm.imports
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        import_id,
    )


async def lock_import(tx: Tx, import_id: UUID) -> Import | None:
    """Find an import and keep others from changing it until the transaction ends."""
    return await tx.first(
        Import,
        """
        SELECT id, workshop_id, kind, file_name, columns, mapping, state, failure, row_count, reached, inserted, updated,
            unchanged, failed, created_at, updated_at, revision
        FROM crm.imports
        WHERE organization_id = $1 AND id = $2
        FOR UPDATE
        """,
        tx.organization_id,
        import_id,
    )


async def update_mapping(tx: Tx, import_id: UUID, mapping: Mapping, now: datetime) -> Import:
    """Store the mapping; what was checked by another is to be checked again."""
    return await tx.one(
        Import,
        """
        UPDATE crm.imports
        SET mapping = $3, state = 'uploaded', updated_at = $4, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, workshop_id, kind, file_name, columns, mapping, state, failure, row_count, reached, inserted, updated,
            unchanged, failed, created_at, updated_at, revision
        """,
        tx.organization_id,
        import_id,
        mapping,
        now,
    )


async def mark_begun(tx: Tx, import_id: UUID, state: State, now: datetime) -> Import:
    """Go through the rows from the first one."""
    return await tx.one(
        Import,
        """
        UPDATE crm.imports
        SET state = $3, reached = 0, inserted = 0, updated = 0, unchanged = 0, failed = 0, updated_at = $4,
            revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        RETURNING id, workshop_id, kind, file_name, columns, mapping, state, failure, row_count, reached, inserted, updated,
            unchanged, failed, created_at, updated_at, revision
        """,
        tx.organization_id,
        import_id,
        state,
        now,
    )


async def is_applying(tx: Tx) -> bool:
    """Tell whether an import that the caller sees is being applied; of the others a constraint keeps this one apart."""
    return bool(
        await tx.value(
            bool,
            "SELECT EXISTS (SELECT FROM crm.imports WHERE organization_id = $1 AND state = 'applying')",
            tx.organization_id,
        )
    )


async def find_file(tx: Tx, import_id: UUID) -> bytes | None:
    return await tx.value(
        bytes,
        "SELECT content FROM crm.import_files WHERE organization_id = $1 AND import_id = $2",
        tx.organization_id,
        import_id,
    )


async def delete_file(tx: Tx, import_id: UUID) -> None:
    await tx.execute(
        "DELETE FROM crm.import_files WHERE organization_id = $1 AND import_id = $2", tx.organization_id, import_id
    )


async def insert_rows(tx: Tx, import_id: UUID, rows: list[Row], now: datetime) -> None:
    """Stage rows of a file; their cells come as JSON, since arrays of arrays must be of one length."""
    await tx.execute(
        """
        INSERT INTO crm.import_rows (organization_id, import_id, number, workshop_id, cells, created_at, updated_at)
        SELECT i.organization_id, i.id, r.number, i.workshop_id,
            ARRAY(SELECT jsonb_array_elements_text(r.cells::jsonb)), $5, $5
        FROM crm.imports i, unnest($3::int[], $4::text[]) AS r (number, cells)
        WHERE i.organization_id = $1 AND i.id = $2
        """,
        tx.organization_id,
        import_id,
        [row.number for row in rows],
        [msgspec.json.encode(row.cells).decode() for row in rows],
        now,
    )


async def mark_read(
    tx: Tx, import_id: UUID, *, columns: list[str], mapping: Mapping, row_count: int, now: datetime
) -> None:
    await tx.execute(
        """
        UPDATE crm.imports
        SET state = 'uploaded', columns = $3, mapping = $4, row_count = $5, updated_at = $6, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        import_id,
        columns,
        mapping,
        row_count,
        now,
    )


async def mark_failed(tx: Tx, import_id: UUID, failure: Failure, now: datetime) -> None:
    await tx.execute(
        """
        UPDATE crm.imports
        SET state = 'failed', failure = $3, updated_at = $4, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        import_id,
        failure,
        now,
    )


async def list_rows(tx: Tx, import_id: UUID, *, after: int, limit: int) -> list[Row]:
    """List rows in the order of the file."""
    return await tx.all(
        Row,
        """
        SELECT number, cells
        FROM crm.import_rows
        WHERE organization_id = $1 AND import_id = $2 AND number > $3
        ORDER BY number
        LIMIT $4
        """,
        tx.organization_id,
        import_id,
        after,
        limit,
    )


async def list_targets(tx: Tx, import_id: UUID, customers: list[UUID]) -> set[UUID]:
    """Return those of the customers that a row of this import stands for already."""
    found = await tx.value(
        list[UUID],
        """
        SELECT COALESCE(array_agg(target_id), '{}')
        FROM crm.import_rows
        WHERE organization_id = $1 AND import_id = $2 AND target_id = ANY ($3::uuid[])
        """,
        tx.organization_id,
        import_id,
        customers,
    )
    return set(found or ())


async def mark_rows(tx: Tx, import_id: UUID, planned: list[Planned], *, applied: bool, now: datetime) -> None:
    """Store what came of rows; whom they stand for only once they are applied."""
    await tx.execute(
        """
        UPDATE crm.import_rows r
        SET outcome = p.outcome, errors = p.errors::jsonb, target_id = p.target_id, updated_at = $7,
            revision = r.revision + 1
        FROM unnest($3::int[], $4::text[], $5::text[], $6::uuid[]) AS p (number, outcome, errors, target_id)
        WHERE r.organization_id = $1 AND r.import_id = $2 AND r.number = p.number
        """,
        tx.organization_id,
        import_id,
        [each.number for each in planned],
        [each.outcome for each in planned],
        [msgspec.json.encode(each.errors).decode() for each in planned],
        [each.customer.id if applied and each.customer else None for each in planned],
        now,
    )


async def update_progress(
    tx: Tx, import_id: UUID, *, reached: int, counts: dict[str, int], state: State, now: datetime
) -> None:
    """Add what came of a batch, and tell whether more is to come by the state."""
    await tx.execute(
        """
        UPDATE crm.imports
        SET reached = $3, inserted = inserted + $4, updated = updated + $5, unchanged = unchanged + $6,
            failed = failed + $7, state = $8, updated_at = $9, revision = revision + 1
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        import_id,
        reached,
        counts.get("inserted", 0),
        counts.get("updated", 0),
        counts.get("unchanged", 0),
        counts.get("failed", 0),
        state,
        now,
    )


async def list_report(tx: Tx, import_id: UUID, *, after: int, limit: int) -> list[ReportRow]:
    """List what came of the rows, in the order of the file."""
    return await tx.all(
        ReportRow,
        """
        SELECT number, outcome, errors
        FROM crm.import_rows
        WHERE organization_id = $1 AND import_id = $2 AND number > $3
        ORDER BY number
        LIMIT $4
        """,
        tx.organization_id,
        import_id,
        after,
        limit,
    )


async def delete_old_rows(tx: Tx, *, before: datetime) -> int:
    """Delete rows of imports begun before then; return how many, at most 500."""
    return await tx.execute(
        """
        DELETE FROM crm.import_rows
        WHERE organization_id = $1 AND (import_id, number) IN (
            SELECT r.import_id, r.number
            FROM crm.imports i
            JOIN crm.import_rows r ON r.organization_id = $1 AND r.import_id = i.id
            WHERE i.organization_id = $1 AND i.created_at < $2
            LIMIT 500
        )
        """,
        tx.organization_id,
        before,
    )
