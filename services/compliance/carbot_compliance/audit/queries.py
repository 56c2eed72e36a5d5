"""The audit log in SQL."""

from uuid import UUID

from carbot_compliance.audit.models import NewEntry, Span, StoredEntry
from carbot_core.db import Tx


async def insert_entries(tx: Tx, entries: list[NewEntry]) -> None:
    """Append entries in one statement."""
    contents = [entry.content for entry in entries]
    tables = [content.table.partition(".") for content in contents]
    await tx.execute(
        """
        INSERT INTO compliance.audit_logs
            (organization_id, id, occurred_at, actor_kind, actor_id, acting_for, action, schema_name, table_name, row_id,
            changed_columns, request_id, trace_id, content, leaf_hash)
        SELECT $1, e.id, e.occurred_at, e.actor_kind, e.actor_id, e.acting_for, e.action, e.schema_name, e.table_name,
            e.row_id, string_to_array(e.changed_columns, ','), e.request_id, e.trace_id, e.content, e.leaf_hash
        FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[],
                $10::uuid[], $11::text[], $12::uuid[], $13::text[], $14::bytea[], $15::bytea[])
            AS e (id, occurred_at, actor_kind, actor_id, acting_for, action, schema_name, table_name,
                row_id, changed_columns, request_id, trace_id, content, leaf_hash)
        """,
        tx.organization_id,
        [content.id for content in contents],
        [content.occurred_at for content in contents],
        [content.actor.kind for content in contents],
        [content.actor.id for content in contents],
        [content.acting_for for content in contents],
        [content.action for content in contents],
        [schema for schema, _, _ in tables],
        [table for _, _, table in tables],
        [content.row_id for content in contents],
        [",".join(content.changes) for content in contents],
        [content.request_id for content in contents],
        [content.trace_id for content in contents],
        [entry.stored.content for entry in entries],
        [entry.stored.leaf_hash for entry in entries],
    )


# One statement per index: a plan that is kept for all values of an optional filter reads the whole organisation.


async def list_entries(tx: Tx, span: Span, *, limit: int) -> list[StoredEntry]:
    """List entries, newest first."""
    return await tx.all(
        StoredEntry,
        """
        SELECT content, leaf_hash
        FROM compliance.audit_logs
        WHERE organization_id = $1 AND occurred_at >= $2 AND (occurred_at, id) < ($3, $4)
        ORDER BY occurred_at DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        span.since,
        span.before.occurred_at,
        span.before.id,
        limit,
    )


async def list_entries_of_table(tx: Tx, table: str, span: Span, *, limit: int) -> list[StoredEntry]:
    """List what happened to a table, newest first."""
    return await tx.all(
        StoredEntry,
        """
        SELECT content, leaf_hash
        FROM compliance.audit_logs
        WHERE organization_id = $1 AND occurred_at >= $2 AND (occurred_at, id) < ($3, $4)
            AND schema_name = $6 AND table_name = $7
        ORDER BY occurred_at DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        span.since,
        span.before.occurred_at,
        span.before.id,
        limit,
        table.partition(".")[0],
        table.partition(".")[2],
    )


async def list_entries_of_row(
    tx: Tx, row_id: UUID, table: str | None, actor_id: UUID | None, span: Span, *, limit: int
) -> list[StoredEntry]:
    """List what happened to a row, newest first; in a table or by an actor if those are given."""
    return await tx.all(
        StoredEntry,
        """
        SELECT content, leaf_hash
        FROM compliance.audit_logs
        WHERE organization_id = $1 AND occurred_at >= $2 AND (occurred_at, id) < ($3, $4)
            AND row_id = $6
            AND ($7::text IS NULL OR schema_name || '.' || table_name = $7)
            AND ($8::uuid IS NULL OR actor_id = $8)
        ORDER BY occurred_at DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        span.since,
        span.before.occurred_at,
        span.before.id,
        limit,
        row_id,
        table,
        actor_id,
    )


async def list_entries_of_actor(
    tx: Tx, actor_id: UUID, table: str | None, span: Span, *, limit: int
) -> list[StoredEntry]:
    """List what an actor did, newest first; to a table if that is given."""
    return await tx.all(
        StoredEntry,
        """
        SELECT content, leaf_hash
        FROM compliance.audit_logs
        WHERE organization_id = $1 AND occurred_at >= $2 AND (occurred_at, id) < ($3, $4)
            AND actor_id = $6
            AND ($7::text IS NULL OR schema_name || '.' || table_name = $7)
        ORDER BY occurred_at DESC, id DESC
        LIMIT $5
        """,
        tx.organization_id,
        span.since,
        span.before.occurred_at,
        span.before.id,
        limit,
        actor_id,
        table,
    )
