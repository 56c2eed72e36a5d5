"""What is in the database before anything is measured, put there past triggers and row security."""

from typing import LiteralString

import asyncpg

from tests.perf.tenants import FIRST, ORGANIZATION, WORKSHOP
from tests.perf.volume import Volume

_ORGANIZATIONS: LiteralString = """
    INSERT INTO crm.organizations
        (organization_id, slug, legal_name, country, locale, time_zone, status, registered_at, version)
    SELECT ($2 || number)::uuid, 'werkstatt-' || number, 'Werkstatt ' || number || ' GmbH', 'DE', 'de', 'Europe/Berlin',
        'active', now(), 1
    FROM generate_series($1::int, $3::int) AS number
"""

_WORKSHOPS: LiteralString = """
    INSERT INTO crm.workshops (organization_id, id, name, slug, time_zone, postal_code, is_active, version)
    SELECT ($2 || number)::uuid, ($4 || number)::uuid, 'Werkstatt ' || number, 'werkstatt-' || number, 'Europe/Berlin',
        '10115', true, 1
    FROM generate_series($1::int, $3::int) AS number
"""

# The first organisation holds $5 percent; the others share the rest evenly. One lead in five is closed.
_LEADS: LiteralString = """
    INSERT INTO crm.leads
        (organization_id, id, workshop_id, source, name, phone, email, request, vehicle, language, status, created_at,
        updated_at)
    SELECT ($2 || owner)::uuid, core.uuid7(), ($4 || owner)::uuid, 'website', 'Ayşe Yılmaz ' || lead,
        '+4940' || lpad(lead::text, 8, '0'), 'kunde' || lead || '@example.org',
        'TÜV und Bremsen, gern am Vormittag; der Wagen steht seit Montag', 'VW Golf VII, B-AY ' || lead, 'de',
        (ARRAY['new', 'contacted', 'qualified', 'lost', 'new'])[1 + lead % 5],
        now() - lead * interval '5 minutes', now()
    FROM (
        SELECT lead,
            CASE WHEN lead % 100 < $5::int THEN $1::int ELSE $1::int + 1 + lead % ($3::int - $1::int) END AS owner
        FROM generate_series(1, $6::int) AS lead
    ) shared
"""

_INTERACTIONS: LiteralString = """
    INSERT INTO crm.lead_interactions (organization_id, id, lead_id, workshop_id, kind, text, created_at)
    SELECT organization_id, core.uuid7(), id, workshop_id, 'form', request, created_at
    FROM crm.leads
"""


async def load(connection: asyncpg.Connection, volume: Volume) -> None:
    """Fill crm with organisations and their leads; the connection is the superuser's."""
    numbers = (FIRST, ORGANIZATION, FIRST + volume.organizations - 1)
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(_ORGANIZATIONS, *numbers)
        await connection.execute(_WORKSHOPS, *numbers, WORKSHOP)
        await connection.execute(_LEADS, *numbers, WORKSHOP, volume.largest_share, volume.leads)
        await connection.execute(_INTERACTIONS)
    await connection.execute("VACUUM (ANALYZE)")
    await connection.execute("CHECKPOINT")


async def switch_audit(connection: asyncpg.Connection, on: bool) -> None:
    """Switch the audit's triggers of crm's tables."""
    triggers = await connection.fetch(
        """
        SELECT format('ALTER TABLE %s %s TRIGGER %I', tgrelid::regclass, $1::text, tgname) AS sql
        FROM pg_trigger
        WHERE tgname LIKE 'audit\\_%' AND tgrelid::regclass::text LIKE 'crm.%'
        """,
        "ENABLE" if on else "DISABLE",
    )
    for trigger in triggers:
        await connection.execute(trigger["sql"])


async def forget_events(connection: asyncpg.Connection) -> None:
    """Empty the outboxes of what was measured, so that the next measurement begins with nothing to carry."""
    await connection.execute(
        "TRUNCATE crm.outbox, crm.audit_outbox, crm.inbox, tenancy.outbox, tenancy.audit_outbox, tenancy.inbox, compliance.inbox"
    )
