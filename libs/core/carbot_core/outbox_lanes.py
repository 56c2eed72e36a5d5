"""The two lanes of an outbox, as SQL: events for the neighbours, and the audit trail, which must not delay them."""

from typing import LiteralString

import msgspec


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """A lane's table, as the statements of its relay."""

    name: str
    lead: LiteralString
    unpublished: LiteralString
    mark: LiteralString
    backlog: LiteralString


_LEAD: LiteralString = """
    SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)),
        set_config('idle_in_transaction_session_timeout', '3s', true)
"""

EVENTS = Lane(
    name="events",
    lead=_LEAD,
    unpublished="""
        SELECT pos, event_id, organization_id, subject, aggregate_id, aggregate_version, traceparent, body, created_at,
            publications
        FROM outbox
        WHERE published_at IS NULL
        ORDER BY pos
        LIMIT 500
    """,
    mark="""
        UPDATE outbox
        SET published_at = now()
        WHERE pos = ANY ($1::bigint[]) AND created_at BETWEEN $2 AND $3
    """,
    backlog="""
        SELECT count(*) AS depth, COALESCE(extract(epoch FROM now() - min(created_at)), 0)::float8 AS age
        FROM (SELECT created_at FROM outbox WHERE published_at IS NULL ORDER BY pos LIMIT 10000) waiting
    """,
)

AUDIT = Lane(
    name="audit",
    lead=_LEAD,
    unpublished="""
        SELECT pos, event_id, organization_id, subject, aggregate_id, aggregate_version, traceparent, body, created_at,
            publications
        FROM audit_outbox
        WHERE published_at IS NULL
        ORDER BY pos
        LIMIT 500
    """,
    mark="""
        UPDATE audit_outbox
        SET published_at = now()
        WHERE pos = ANY ($1::bigint[]) AND created_at BETWEEN $2 AND $3
    """,
    backlog="""
        SELECT count(*) AS depth, COALESCE(extract(epoch FROM now() - min(created_at)), 0)::float8 AS age
        FROM (SELECT created_at FROM audit_outbox WHERE published_at IS NULL ORDER BY pos LIMIT 10000) waiting
    """,
)
